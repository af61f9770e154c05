// How well what is stored is kept: proofs, scrubs and what they found, repair, compaction, the drill, and what goes by itself.

import { useDocument } from "../../api/documents";
import type { Durability as Ledger, Findings as Found } from "../../api/types";
import { useSession } from "../../session";
import { dollars } from "../../ui/format";
import { Age, Bytes, Load, Page, Panel } from "../../ui/parts";
import { Table } from "../../ui/table";
import { ByItself } from "./by-itself";
import { Compaction } from "./compaction";
import { Drill } from "./drill";
import { Findings } from "./findings";
import { Proofs } from "./ledger";
import { Repair } from "./repair";
import { Scrub } from "./scrub";

export default function Durability() {
  const { may, session } = useSession();
  const ledger = useDocument<Ledger>("/durability", { every: 30 });
  const findings = useDocument<Found>("/findings", { every: 10 });
  const changed = () => Promise.all([findings.refresh(), ledger.refresh()]);
  return (
    <Page title="Durability" lead="What proves that everything is there, how old the proofs are, and what is done where one is missing.">
      <div className="panels">
        <Panel
          title="Proofs"
          wide
          aside={
            ledger.data && (
              <>
                counted <Age at={ledger.data.at} />
              </>
            )
          }
        >
          <Load of={ledger}>{(ledger) => <Proofs ledger={ledger} />}</Load>
        </Panel>
        <Panel title="Findings" wide aside="what scrubs and reads found wrong">
          <Load of={findings}>{({ findings }) => <Findings all={findings} />}</Load>
        </Panel>
        {may("Scrub") && <Scrub changed={changed} />}
        {may("Keep") && <Repair changed={changed} />}
        {may("Keep") && <Compaction />}
        <Drill />
        {may("Keep") && session.sees_all && <ByItself />}
        {ledger.data && ledger.data.sites.length > 0 && (
          <Panel title="Oldest proof at each site" wide aside="and what scrubs spent there today">
            <Table
              caption="Oldest proof at each site"
              rows={ledger.data.sites}
              name={(site) => site.site}
              columns={[
                { head: "Site", cell: (site) => site.site, by: (site) => site.site },
                { head: "Last seen in full", cell: (site) => <Age at={site.oldest_seen} />, by: (site) => site.oldest_seen },
                { head: "Last read in full", cell: (site) => <Age at={site.oldest_read} />, by: (site) => site.oldest_read },
                { head: "Requests today", numeric: true, cell: (site) => site.requests_today.toLocaleString("en-US"), by: (site) => site.requests_today, minor: true },
                { head: "Bytes today", numeric: true, cell: (site) => <Bytes of={site.bytes_today} />, by: (site) => site.bytes_today, minor: true },
                { head: "Spent today", numeric: true, cell: (site) => dollars(site.dollars_today), by: (site) => site.dollars_today },
              ]}
            />
          </Panel>
        )}
      </div>
    </Page>
  );
}
