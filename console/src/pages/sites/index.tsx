// Every site: where it is, how it is, what lies there.

import { Button } from "@mantine/core";

import { useDocument } from "../../api/documents";
import type { Site, Sites } from "../../api/types";
import { Link, usePlace } from "../../router";
import { useSession } from "../../session";
import { sum } from "../../ui/chart";
import { count, millis, percent } from "../../ui/format";
import { useHistory, useSpan } from "../../ui/history";
import { Bytes, Empty, Load, Page, Panel, State } from "../../ui/parts";
import { isOut, standing, vendorName } from "../../ui/sites";
import { type Column, Table } from "../../ui/table";
import { SiteLatency } from "./latency";
import { SiteMap } from "./map";
import { price } from "./prices";

export default function AllSites() {
  const { session } = useSession();
  const { go } = usePlace();
  const sites = useDocument<Sites>("/sites", { every: 15, event: "sites" });
  const span = useSpan();
  const history = useHistory(span);

  const columns: Column<Site>[] = [
    { head: "Site", cell: (site) => <Link to={`/sites/${encodeURIComponent(site.name)}`}>{site.name}</Link>, by: (site) => site.name },
    { head: "Vendor", cell: (site) => vendorName(site.vendor), by: (site) => site.vendor },
    { head: "Region", cell: (site) => site.region, by: (site) => site.region, minor: true },
    {
      head: "State",
      cell: (site) => {
        const { kind, text } = standing(site);
        return (
          <>
            <State kind={kind}>{text}</State>
            {isOut(site) && site.reason && <p className="why">{site.reason}</p>}
          </>
        );
      },
      by: (site) => standing(site).text,
    },
    { head: "Ceiling", cell: (site) => site.ceiling ?? "–", by: (site) => site.ceiling, minor: true },
  ];
  if (session.sees_all) {
    const latency = (site: Site) => history.data?.sites[site.name]?.p50_ms?.findLast((value) => value != null);
    columns.push({ head: "Latency now", numeric: true, cell: (site) => millis(latency(site)), by: latency });
    const failed = (site: Site) => {
      const past = history.data?.sites[site.name];
      const asked = sum((past?.requests ?? []).map((value) => value ?? 0));
      return asked > 0 ? sum((past?.errors ?? []).map((value) => value ?? 0)) / asked : null;
    };
    columns.push(
      { head: "Errors", numeric: true, minor: true, cell: (site) => ((part) => (part === null ? "–" : percent(part)))(failed(site)), by: failed },
      { head: "Pieces", numeric: true, minor: true, cell: (site) => count(site.pieces), by: (site) => site.pieces },
      { head: "Bytes", numeric: true, cell: (site) => <Bytes of={site.bytes} />, by: (site) => site.bytes },
    );
  }
  columns.push({ head: "GB-month", numeric: true, minor: true, cell: (site) => price(site.prices?.storage_gb_month), by: (site) => site.prices?.storage_gb_month });

  return (
    <Page
      title="Vendors and sites"
      lead="A site is what fails, costs and is trusted as a unit: one bucket at a vendor, or a set of disks of your own."
      actions={
        <>
          {span.choice}
          <Button size="xs" onClick={() => go("/sites/add")}>
            Add a site
          </Button>
        </>
      }
    >
      <Load of={sites}>
        {({ sites }) =>
          sites.length === 0 ? (
            <Panel title="Sites">
              <Empty title="There are no sites">
                <Link to="/sites/add">Write one into the settings.</Link>
              </Empty>
            </Panel>
          ) : (
            <>
              <Panel title="Where they are">
                <SiteMap sites={sites} />
              </Panel>
              <Panel title="Sites">
                <Table caption="Sites" rows={sites} name={(site) => site.name} columns={columns} marked={(site) => (isOut(site) ? "bad" : undefined)} />
              </Panel>
              <Load of={history}>{(history) => <SiteLatency history={history} sites={sites} words={span.words} seesAll={session.sees_all} />}</Load>
            </>
          )
        }
      </Load>
    </Page>
  );
}
