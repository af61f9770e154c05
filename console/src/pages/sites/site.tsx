// One site: how it is, what lies there, and what can be done about it.

import { Button } from "@mantine/core";
import { useState } from "react";

import { useDocument } from "../../api/documents";
import type { Health, Site, Sites } from "../../api/types";
import { Link, type Params } from "../../router";
import { useSession } from "../../session";
import { count, dollars } from "../../ui/format";
import { stepsOf, useHistory, useSpan } from "../../ui/history";
import { Bytes, Empty, Facts, Load, Page, Panel, Progress, State } from "../../ui/parts";
import { isOut, standing, vendorName } from "../../ui/sites";
import { Strip, inWords } from "../../ui/strip";
import { Activate, Evacuate, Suspend } from "./actions";
import { otherWay } from "./evacuation";
import { SiteLatency } from "./latency";
import { priceList } from "./prices";

export default function OneSite({ params }: { params: Params }) {
  const name = params.site ?? "";
  const { session } = useSession();
  const sites = useDocument<Sites>("/sites", { every: 2, event: "sites" });
  const { refresh } = sites;
  const span = useSpan();
  const history = useHistory(span);
  const site = sites.data?.sites.find((site) => site.name === name);
  const past = history.data?.sites[name];
  const outage = past && { reads: past.reads_out ?? [], writes: past.writes_out ?? [] };
  return (
    <Page
      title={name}
      lead={
        <>
          <Link to="/sites">Vendors and sites</Link>
          {site && ` · ${vendorName(site.vendor)} · ${site.region}`}
        </>
      }
      actions={span.choice}
    >
      <Load of={sites}>
        {({ sites }) => {
          if (!site) {
            return (
              <Empty title={`There is no site ${name}`}>
                <Link to="/sites">These are the sites there are.</Link>
              </Empty>
            );
          }
          return (
            <>
              <Standing site={site} changed={refresh} />
              <Leaving site={site} />
              <div className="panels">
                <Panel title="What it is">
                  <Facts
                    of={[
                      ["Vendor", vendorName(site.vendor)],
                      ["Region", site.region],
                      ["Kind", site.kind ?? "–"],
                      ["Ceiling", site.ceiling ?? "–"],
                      ["Reads", <Side key="reads" is={site.reads} rests={!isOut(site)} />],
                      ["Writes", <Side key="writes" is={site.writes} rests={!isOut(site)} />],
                      ["Coordinates", site.latitude == null || site.longitude == null ? "not known" : `${site.latitude.toFixed(2)}, ${site.longitude.toFixed(2)}`],
                      ...(site.pieces === undefined ? [] : ([["Pieces", count(site.pieces)]] as [string, string][])),
                      ...(site.bytes == null ? [] : ([["Bytes", <Bytes key="bytes" of={site.bytes} />]] as [string, React.ReactNode][])),
                    ]}
                  />
                </Panel>
                <Panel title="List prices" aside="in US dollars">
                  <PriceTable site={site} />
                </Panel>
                {outage && (
                  <Panel title="Health" wide aside={`${span.words}: ${inWords(outage, isOut(site))}`}>
                    <Strip name={site.name} of={outage} out={isOut(site)} steps={history.data ? stepsOf(span, history.data) : 0} span={span.words} />
                  </Panel>
                )}
              </div>
              <Load of={history}>{(history) => <SiteLatency history={history} sites={sites} words={span.words} only={name} seesAll={session.sees_all} />}</Load>
            </>
          );
        }}
      </Load>
    </Page>
  );
}

/** A site's breaker opens for each side by itself; one that is out and answers is not asked on purpose. */
function Side({ is, rests }: { is: Health | undefined; rests: boolean }) {
  if (is === undefined) return "–";
  if (is === "out" && rests) return <State kind="off">Not asked</State>;
  return is === "well" ? <State kind="ok">Well</State> : <State kind="bad">Out</State>;
}

type Asked = "suspend" | "activate" | "evacuate" | null;

function Standing({ site, changed }: { site: Site; changed: () => Promise<void> }) {
  const { may } = useSession();
  const [asked, setAsked] = useState<Asked>(null);
  const { kind, text } = standing(site);
  const close = () => setAsked(null);
  return (
    <section className={`verdict verdict-${isOut(site) ? "bad" : kind === "ok" ? "ok" : "plain"}`} aria-label="How the site is" aria-live="polite">
      <State kind={kind}>{text}</State>
      <div className="grow">
        <p>{explained(site)}</p>
        {isOut(site) && site.reason && <p className="strip-why">{site.reason}</p>}
      </div>
      {may("Keep") && (
        <div className="actions">
          {site.state === "active" && (
            <Button size="xs" variant="default" onClick={() => setAsked("suspend")}>
              Suspend
            </Button>
          )}
          {site.state !== "active" && (
            <Button size="xs" variant="default" onClick={() => setAsked("activate")}>
              Use it again
            </Button>
          )}
          {(site.state === "active" || site.state === "suspended") && (
            <Button size="xs" variant="default" onClick={() => setAsked("evacuate")}>
              Evacuate
            </Button>
          )}
        </div>
      )}
      <Suspend site={site} open={asked === "suspend"} close={close} changed={changed} />
      <Activate site={site} open={asked === "activate"} close={close} changed={changed} />
      <Evacuate site={site} open={asked === "evacuate"} close={close} changed={changed} />
    </section>
  );
}

function explained(site: Site): string {
  switch (site.state) {
    case "suspended":
      return "Nothing new is stored here, and only what is nowhere else is read. What lies here still counts.";
    case "draining":
      return "It is being left: piece by piece, what lies here is brought elsewhere. Clients notice nothing.";
    case "detached":
      return "Nothing that counts lies here any more. Its entry in the settings can go.";
    case "active":
      return isOut(site)
        ? "It is left out until its probes have been good for a while; reads and writes go around it."
        : "It takes reads and writes.";
  }
}

/** How far an evacuation is. */
function Leaving({ site }: { site: Site }) {
  if (site.state !== "draining" && site.state !== "detached") return null;
  if (site.pieces === undefined) {
    return site.state === "draining" ? (
      <Panel title="Evacuation">
        <p className="muted">How far it is, is told to whoever sees all labels.</p>
      </Panel>
    ) : null;
  }
  const moved = site.moved_pieces ?? 0;
  const waits = site.waits ?? [];
  const other = otherWay(site.dollars, site.dearer_dollars);
  return (
    <Panel title="Evacuation" aside={site.state === "detached" ? "over" : "under way; it goes on if this page is closed"}>
      <div className="stack">
        <Progress label="Pieces brought away" done={moved} total={moved + site.pieces} text={`${count(moved)} of ${count(moved + site.pieces)}`} />
        <Facts
          of={[
            ["Still here", count(site.pieces)],
            ["Written elsewhere", <Bytes key="moved" of={site.moved_bytes} />],
            ["Read to do so", <Bytes key="read" of={site.read_bytes} />],
            ["Cost at list prices", dollars(site.dollars)],
            ...other.facts,
          ]}
        />
        {other.why && <p className="muted">{other.why}</p>}
        {waits.map(({ segments, why }) => (
          <p key={why}>
            {count(segments)} {segments === 1 ? "segment waits" : "segments wait"} for {why}.
          </p>
        ))}
        {site.state === "draining" && site.pieces === 0 && waits.length === 0 && <p>Nothing that counts is left. It is detached once the site’s own listing says so too.</p>}
      </div>
    </Panel>
  );
}

function PriceTable({ site }: { site: Site }) {
  const rows = priceList(site.prices);
  if (rows.length === 0) {
    return (
      <Empty title="No prices are known">
        Work at this site counts as costing nothing. Prices can be set under <code>prices</code> in its settings.
      </Empty>
    );
  }
  return (
    <table className="table">
      <caption className="unseen">List prices of {site.name}</caption>
      <tbody>
        {rows.map(({ what, per, text }) => (
          <tr key={what}>
            <th scope="row">{what}</th>
            <td className="muted">{per}</td>
            <td className="num">{text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
