// A table of rows, which sorts where a column says by what. Where the page is narrow each row is a card: a cell has its
// column's name beside it (`data-label`), and nothing is cut.

import { type ReactNode, useState } from "react";

import { useEdges } from "./edges";
import { Empty } from "./parts";
import { Icon } from "./icons";

export interface Column<Row> {
  head: string;
  cell: (row: Row) => ReactNode;
  /** Numbers stand right, in figures of one width. */
  numeric?: boolean;
  /** By what the column sorts, if it does. */
  by?: (row: Row) => string | number | null | undefined;
  /** Left out where there is little room, and there again where rows are cards. */
  minor?: boolean;
}

interface Props<Row> {
  /** Says what the rows are; read out, and not drawn. */
  caption: string;
  rows: Row[];
  columns: Column<Row>[];
  name: (row: Row) => string;
  empty?: ReactNode;
  marked?: (row: Row) => "ok" | "warn" | "bad" | undefined;
}

export function Table<Row>({ caption, rows, columns, name, empty, marked }: Props<Row>) {
  const [sort, setSort] = useState<{ column: number; down: boolean } | null>(null);
  if (rows.length === 0) return <>{empty ?? <Empty title="Nothing here" />}</>;
  const by = sort ? columns[sort.column]?.by : undefined;
  const shown = by ? [...rows].sort((one, other) => order(by(one), by(other)) * (sort?.down ? -1 : 1)) : rows;
  const press = (column: number) => {
    const numeric = columns[column]?.numeric ?? false;
    setSort((now) => (now?.column !== column ? { column, down: numeric } : now.down === numeric ? { column, down: !numeric } : null));
  };
  return (
    <Scroll label={caption}>
      {/* What is laid out as a card is not a table to every browser unless it says so. */}
      <table className="table cards" role="table">
        <caption className="unseen">{caption}</caption>
        <thead role="rowgroup" className={shown.length > 1 && columns.some((column) => column.by) ? "sorts" : undefined}>
          <tr role="row">
            {columns.map((column, index) => {
              const sorted = sort?.column === index ? (sort.down ? "descending" : "ascending") : undefined;
              return (
                <th key={column.head} scope="col" role="columnheader" className={[classes(column), column.by && "sortable"].filter(Boolean).join(" ") || undefined} aria-sort={sorted}>
                  {column.by ? (
                    <button type="button" className="sort" onClick={() => press(index)}>
                      {column.head}
                      {sorted && <Icon name={sorted === "ascending" ? "up" : "down"} size={12} />}
                    </button>
                  ) : (
                    column.head || <span className="unseen">Actions</span>
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {shown.map((row) => (
            <tr key={name(row)} role="row" className={marked?.(row) && `row-${marked(row)}`}>
              {columns.map((column, index) =>
                index === 0 ? (
                  <th key={column.head} scope="row" role="rowheader" className={classes(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.head} role="cell" className={classes(column)} data-label={column.head || undefined}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** What is wider than its place scrolls by itself, by keyboard too, and says at its edge that there is more; the page does not. */
export function Scroll({ label, children }: { label: string; children: ReactNode }) {
  const { box, more } = useEdges<HTMLDivElement>();
  return (
    <div ref={box} className="table-scroll edges" data-more={more} tabIndex={more ? 0 : undefined} role="group" aria-label={label}>
      {children}
    </div>
  );
}

function classes<Row>({ numeric, minor }: Column<Row>): string | undefined {
  return [numeric && "num", minor && "minor"].filter(Boolean).join(" ") || undefined;
}

/** What is not known comes last in either direction's first half: it is the smallest. */
function order(one: string | number | null | undefined, other: string | number | null | undefined): number {
  if (one == null || other == null) return Number(one != null) - Number(other != null);
  return typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other), "en", { numeric: true });
}
