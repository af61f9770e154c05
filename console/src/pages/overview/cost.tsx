// What storage and requests cost this month at each vendor, at list prices.

import type { Overview, Site } from "../../api/types";
import { dollars } from "../../ui/format";
import { Empty } from "../../ui/parts";
import { vendorName } from "../../ui/sites";
import { Scroll } from "../../ui/table";
import { type Cost as Dollars, costs, summed } from "./costs";

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
  const vendors = costs(of, sites);
  const highest = Math.max(...vendors.map((row) => row.together ?? 0), 0);
  return (
    <Scroll label="Cost by vendor">
      <table className="table cost cards" role="table">
        <caption className="unseen">Cost of a month by vendor</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th scope="col" role="columnheader">Vendor</th>
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
          {vendors.map((row) => {
            const [first, ...more] = row.sites;
            const name = row.vendor ? vendorName(row.vendor) : "Not listed";
            return [
              <tr key={row.vendor ?? ""} role="row">
                <th scope="row" role="rowheader">
                  {name} <span className="muted">{more.length === 0 ? first?.site : `${row.sites.length} sites`}</span>
                </th>
                <Bar of={row} highest={highest} />
                <Figures of={row} />
              </tr>,
              // One site alone costs what its vendor does.
              ...(more.length === 0 ? [] : row.sites).map((site) => (
                <tr key={`${row.vendor ?? ""}/${site.site}`} role="row" className="cost-site">
                  <th scope="row" role="rowheader">{site.site}</th>
                  <Bar of={site} highest={highest} />
                  <Figures of={site} />
                </tr>
              )),
            ];
          })}
        </tbody>
        <tfoot role="rowgroup">
          <tr role="row">
            <th scope="row" role="rowheader">All</th>
            <td role="cell" className="cost-bar" />
            <Figures of={summed(vendors)} />
          </tr>
        </tfoot>
      </table>
    </Scroll>
  );
}

function Bar({ of, highest }: { of: Dollars; highest: number }) {
  // Parts that are less than one together would leave the bar short, whatever they are parts of.
  const part = (dollars: number | null) => (highest > 0 ? (dollars ?? 0) / highest : 0);
  return (
    <td role="cell" className="cost-bar">
      <div className="bar thin" aria-hidden="true">
        <span className="bar-part tone-one" style={{ flexGrow: part(of.storage) }} />
        <span className="bar-part tone-two" style={{ flexGrow: part(of.requests) }} />
        <span style={{ flexGrow: 1 - part(of.together) }} />
      </div>
    </td>
  );
}

function Figures({ of }: { of: Dollars }) {
  return (
    <>
      <td role="cell" className="num" data-label="Storage">{monthly(of.storage)}</td>
      <td role="cell" className="num" data-label="Requests">{monthly(of.requests)}</td>
      <td role="cell" className="num" data-label="Together">{monthly(of.together)}</td>
    </>
  );
}

/** Of a month, parts of a cent say no more than that there are some. */
function monthly(value: number | null): string {
  return value !== null && value > 0 && value < 0.01 ? "under $0.01" : dollars(value);
}
