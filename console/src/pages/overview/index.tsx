// Is everything well, in one look.

import { useDocument } from "../../api/documents";
import type { Sites } from "../../api/types";
import { Load, Page, Panel, State } from "../../ui/parts";
import { Table } from "../../ui/table";

export default function Overview() {
  const sites = useDocument<Sites>("/sites", { every: 30, event: "sites" });
  return (
    <Page title="Overview">
      <Panel title="Sites">
        <Load of={sites}>
          {({ sites }) => (
            <Table
              caption="Sites and their health"
              rows={sites}
              name={(site) => site.name}
              columns={[
                { head: "Site", cell: (site) => site.name },
                { head: "Vendor", cell: (site) => site.vendor },
                { head: "Region", cell: (site) => site.region },
                { head: "State", cell: (site) => <State kind={site.state === "active" ? "ok" : "off"}>{site.state}</State> },
              ]}
            />
          )}
        </Load>
      </Panel>
    </Page>
  );
}
