// Each vendor's health, now and over time: its sites stand together.

import type { History, Site } from "../../api/types";
import { count, millis } from "../../ui/format";
import { Empty, State } from "../../ui/parts";
import { type Span, stepsOf } from "../../ui/history";
import { byVendor, isOut, standing, vendorName } from "../../ui/sites";
import { Strip } from "../../ui/strip";
import { Link } from "../../router";
import { sum } from "../../ui/chart";

export function SiteStrips({ sites, history, span }: { sites: Site[]; history?: History; span: Span }) {
  if (sites.length === 0) {
    return (
      <Empty title="There are no sites">
        A site is a bucket at a vendor, or a directory of your own. <Link to="/sites/add">Write one into the settings.</Link>
      </Empty>
    );
  }
  return (
    <ul className="strips">
      {byVendor(sites).flatMap(([, of]) => of).map((site) => {
        const { kind, text } = standing(site);
        const past = history?.sites[site.name];
        const requests = past?.requests?.filter((value) => value != null);
        const latest = past?.p50_ms?.findLast((value) => value != null);
        return (
          <li key={site.name} className={isOut(site) ? "strip-row out" : "strip-row"}>
            <div className="strip-name">
              <Link to={`/sites/${encodeURIComponent(site.name)}`}>{site.name}</Link>
              <span className="muted">
                {vendorName(site.vendor)} · {site.region}
              </span>
            </div>
            <State kind={kind}>{text}</State>
            <div className="strip-box">{past && <Strip name={site.name} of={{ reads: past.reads_out ?? [], writes: past.writes_out ?? [] }} out={isOut(site)} steps={history ? stepsOf(span, history) : 0} span={span.words} />}</div>
            <span className="num muted strip-figures">
              {requests ? `${count(sum(requests))} requests` : ""}
              {latest != null ? ` · ${millis(latest)}` : ""}
            </span>
            {isOut(site) && site.reason && <p className="strip-why">{site.reason}</p>}
          </li>
        );
      })}
    </ul>
  );
}
