// A table of rows, which sorts where a column says by what.

import { type ReactNode, useEffect, useRef, useState } from "react";

import { Empty } from "./parts";
import { Icon } from "./icons";

export interface Column<Row> {
  head: string;
  cell: (row: Row) => ReactNode;
  /** Numbers stand right, in figures of one width. */
  numeric?: boolean;
  /** By what the column sorts, if it does. */
  by?: (row: Row) => string | number | null | undefined;
  /** Left out where the page is narrow. */
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
      <table className="table">
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column, index) => {
              const sorted = sort?.column === index ? (sort.down ? "descending" : "ascending") : undefined;
              return (
                <th key={column.head} scope="col" className={classes(column)} aria-sort={sorted}>
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
        <tbody>
          {shown.map((row) => (
            <tr key={name(row)} className={marked?.(row) && `row-${marked(row)}`}>
              {columns.map((column, index) =>
                index === 0 ? (
                  <th key={column.head} scope="row" className={classes(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.head} className={classes(column)}>
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

/** What is wider than its place scrolls by itself, by keyboard too; the page does not. */
export function Scroll({ label, children }: { label: string; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const [wide, setWide] = useState(false);
  useEffect(() => {
    const place = box.current;
    if (!place) return;
    const look = new ResizeObserver(() => setWide(place.scrollWidth > place.clientWidth));
    look.observe(place);
    for (const child of place.children) look.observe(child);
    return () => look.disconnect();
  }, []);
  return (
    <div ref={box} className="table-scroll" tabIndex={wide ? 0 : undefined} role="group" aria-label={label}>
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
