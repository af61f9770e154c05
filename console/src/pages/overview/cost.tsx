// What storage and requests cost this month at each site, at list prices.

import type { Overview, Site } from "../../api/types";
import { dollars } from "../../ui/format";
import { Empty } from "../../ui/parts";
import { vendorName } from "../../ui/sites";
import { Scroll } from "../../ui/table";

export function Cost({ of, sites, seesAll }: { of: Overview["cost_month"]; sites: Site[]; seesAll: boolean }) {
  const known = Object.values(of?.sites ?? {}).some(({ storage_dollars, request_dollars }) => storage_dollars !== null || request_dollars !== null);
  if (!of || !known) {
    return (
      <Empty title={seesAll ? "No costs are known" : "Not told at this label"}>
        {seesAll ? (
          <>
            Prices of vendors’ regions come with Entente, and a site’s own stand in its settings under <code>prices</code>. What requests cost is reckoned once ten minutes were measured.
          </>
        ) : (
          "Costs are of all labels together, and are told to whoever sees all of them."
        )}
      </Empty>
    );
  }
  const rows = Object.entries(of.sites).map(([name, cost]) => ({ name, ...cost, sum: (cost.storage_dollars ?? 0) + (cost.request_dollars ?? 0) }));
  const highest = Math.max(...rows.map((row) => row.sum), 0);
  // Parts that are less than one together would leave the bar short, whatever they are parts of.
  const part = (dollars: number | null) => (highest > 0 ? (dollars ?? 0) / highest : 0);
  const all = (pick: (row: (typeof rows)[number]) => number | null) => {
    const known = rows.map(pick).filter((value) => value !== null);
    // A sum of what nobody knows is not nothing.
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
  };
  const vendor = (name: string) => sites.find((site) => site.name === name)?.vendor;
  return (
    <Scroll label="Cost by site">
      <table className="table cost cards" role="table">
        <caption className="unseen">Cost of a month by site</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th scope="col" role="columnheader">Site</th>
            <th scope="col" role="columnheader" className="cost-bar-head">
              <span className="key tone-one" aria-hidden="true" /> storage <span className="key tone-two" aria-hidden="true" /> requests
            </th>
            <th scope="col" role="columnheader" className="num">
              Storage
            </th>
            <th scope="col" role="columnheader" className="num">
              Requests
            </th>
            <th scope="col" role="columnheader" className="num">
              Together
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => {
            const of = vendor(row.name);
            return (
              <tr key={row.name} role="row">
                <th scope="row" role="rowheader">
                  {row.name} {of && <span className="muted">{vendorName(of)}</span>}
                </th>
                <td role="cell" className="cost-bar">
                  <div className="bar thin" aria-hidden="true">
                    <span className="bar-part tone-one" style={{ flexGrow: part(row.storage_dollars) }} />
                    <span className="bar-part tone-two" style={{ flexGrow: part(row.request_dollars) }} />
                    <span style={{ flexGrow: 1 - part(row.sum) }} />
                  </div>
                </td>
                <td role="cell" className="num" data-label="Storage">{monthly(row.storage_dollars)}</td>
                <td role="cell" className="num" data-label="Requests">{monthly(row.request_dollars)}</td>
                <td role="cell" className="num" data-label="Together">{monthly(row.sum)}</td>
              </tr>
            );
          })}
        </tbody>
        <tfoot role="rowgroup">
          <tr role="row">
            <th scope="row" role="rowheader">All</th>
            <td role="cell" className="cost-bar" />
            <td role="cell" className="num" data-label="Storage">{monthly(all((row) => row.storage_dollars))}</td>
            <td role="cell" className="num" data-label="Requests">{monthly(all((row) => row.request_dollars))}</td>
            <td role="cell" className="num" data-label="Together">{monthly(all((row) => row.sum))}</td>
          </tr>
        </tfoot>
      </table>
    </Scroll>
  );
}

/** Of a month, parts of a cent say no more than that there are some. */
function monthly(value: number | null): string {
  return value !== null && value > 0 && value < 0.01 ? "under $0.01" : dollars(value);
}
