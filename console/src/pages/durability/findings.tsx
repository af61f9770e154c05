// What was found wrong, and whether it is over.

import { Checkbox } from "@mantine/core";
import { useState } from "react";

import type { Finding } from "../../api/types";
import { Age, Empty, State } from "../../ui/parts";
import { Table } from "../../ui/table";

/** What a fault means, for whoever reads it the first time. */
const FAULTS: Record<string, string> = {
  missing: "A piece that should be there is not",
  truncated: "A piece is cut short",
  damaged: "A piece does not hold what was written",
  replaced: "Another piece stands in its place",
  contradicts: "A piece says something else than the catalog",
  stray: "A piece that no record names",
  foreign: "Something that is not of this enclave",
  "lying-list": "The site’s listing does not tell what is there",
};

export function Findings({ all }: { all: Finding[] }) {
  const [over, setOver] = useState(false);
  const open = all.filter((finding) => finding.over === null);
  const shown = over ? all : open;
  return (
    <div className="stack">
      <div className="row">
        {open.length > 0 ? <State kind="bad">{`${open.length} open`}</State> : <State kind="ok">None open</State>}
        {all.length > open.length && <Checkbox size="xs" label={`Also what is over (${all.length - open.length})`} checked={over} onChange={(event) => setOver(event.currentTarget.checked)} />}
      </div>
      <Table
        caption="Findings"
        rows={shown}
        name={(finding) => `${finding.site} ${finding.object} ${finding.fault} ${finding.first}`}
        marked={(finding) => (finding.over === null ? "bad" : undefined)}
        empty={
          <Empty title={all.length === 0 ? "Nothing was found wrong" : "Everything that was found is over"}>
            {all.length === 0 ? "Scrubs compare what lies at each site with the catalog, and read and prove cells of every piece; what they find stands here by name." : null}
          </Empty>
        }
        columns={[
          {
            head: "Fault",
            cell: (finding) => (
              <>
                {finding.fault}
                <p className="muted small">{FAULTS[finding.fault]}</p>
              </>
            ),
            by: (finding) => finding.fault,
          },
          { head: "Site", cell: (finding) => finding.site, by: (finding) => finding.site },
          { head: "State", cell: (finding) => (finding.over === null ? <State kind="bad">Open</State> : <State kind="ok">Over</State>), by: (finding) => finding.over ?? "", find: (finding) => (finding.over === null ? "open" : "over") },
          { head: "First", cell: (finding) => <Age at={finding.first} />, by: (finding) => finding.first },
          { head: "Last", cell: (finding) => <Age at={finding.last} />, by: (finding) => finding.last, minor: true },
          { head: "Times", numeric: true, cell: (finding) => finding.times, by: (finding) => finding.times, minor: true },
          {
            head: "Object at the site",
            minor: true,
            find: (finding) => `${finding.object} ${finding.segment ?? ""}`,
            cell: (finding) => (
              <span className="mono wrap">
                {finding.object}
                {finding.segment && <span className="muted">{` piece ${finding.piece ?? "?"} of segment ${finding.segment}`}</span>}
              </span>
            ),
          },
        ]}
      />
    </div>
  );
}
