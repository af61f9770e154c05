// A table of rows, which sorts where a column says by what. Of many rows it shows the first, and finds the others by
// what is typed. Where the page is narrow each row is a card: a cell has its column's name beside it (`data-label`), and
// nothing is cut.

import { Button, TextInput } from "@mantine/core";
import { type ReactNode, useEffect, useRef, useState } from "react";

import { useEdges } from "./edges";
import { count } from "./format";
import { Empty } from "./parts";
import { Icon } from "./icons";
import { type Value, matching, sorted } from "./rows";

/** Rows that are shown at first, and with every asking for more: a browser is slow with thousands, and so is who reads them. */
const STEP = 100;

export interface Column<Row> {
  head: string;
  cell: (row: Row) => ReactNode;
  /** Numbers stand right, in figures of one width. */
  numeric?: boolean;
  /** By what the column sorts, if it does, and by what a row is found. */
  by?: (row: Row) => Value;
  /** By what else a row is found: words of the cell that are not what it sorts by. */
  find?: (row: Row) => string;
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
  const [typed, setTyped] = useState("");
  const [most, setMost] = useState(STEP);
  const fresh = useRef<HTMLTableCellElement>(null);
  // Who asked for more reads on at the first of them, and is not left behind the last.
  useEffect(() => fresh.current?.focus(), [most]);
  if (rows.length === 0) return <>{empty ?? <Empty title="Nothing here" />}</>;
  // What is typed stays as long as there is something: the list may grow shorter meanwhile.
  const many = rows.length > STEP || typed !== "";
  const values = columns.flatMap(({ by, find }) => [by, find].filter((value) => value !== undefined));
  const matched = many ? matching(rows, values, typed) : rows;
  const by = sort ? columns[sort.column]?.by : undefined;
  const shown = (by ? sorted(matched, by, sort?.down ?? false) : matched).slice(0, most);
  const rest = matched.length - shown.length;
  const press = (column: number) => {
    const numeric = columns[column]?.numeric ?? false;
    setSort((now) => (now?.column !== column ? { column, down: numeric } : now.down === numeric ? { column, down: !numeric } : null));
    setMost(STEP);
  };
  const find = (text: string) => {
    setTyped(text);
    setMost(STEP);
  };
  return (
    <>
      {many && values.length > 0 && <Find caption={caption} typed={typed} find={find} matched={matched.length} of={rows.length} />}
      {shown.length === 0 ? (
        <Empty title="Nothing matches">A row is found by its names and words, in part or whole, and by how a date begins, as in 2026-11.</Empty>
      ) : (
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
              {shown.map((row, place) => {
                const first = place > 0 && place === most - STEP;
                return (
                  <tr key={name(row)} role="row" className={marked?.(row) && `row-${marked(row)}`}>
                    {columns.map((column, index) =>
                      index === 0 ? (
                        <th key={column.head} scope="row" role="rowheader" className={classes(column)} ref={first ? fresh : undefined} tabIndex={first ? -1 : undefined}>
                          {column.cell(row)}
                        </th>
                      ) : (
                        <td key={column.head} role="cell" className={classes(column)} data-label={column.head || undefined}>
                          {column.cell(row)}
                        </td>
                      ),
                    )}
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Scroll>
      )}
      {rest > 0 && (
        <div className="table-more">
          <span className="muted num">
            {count(shown.length)} of {count(matched.length)}
          </span>
          <Button size="xs" variant="default" onClick={() => setMost(most + STEP)}>
            Show {count(Math.min(STEP, rest))} more
          </Button>
        </div>
      )}
    </>
  );
}

function Find({ caption, typed, find, matched, of }: { caption: string; typed: string; find: (text: string) => void; matched: number; of: number }) {
  return (
    <div className="table-find">
      <TextInput
        type="search"
        label={
          <>
            Find<span className="unseen"> in {caption}</span>
          </>
        }
        value={typed}
        onChange={(event) => find(event.currentTarget.value)}
        // A table may stand in a form, which is not sent by this.
        onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
        autoComplete="off"
        spellCheck={false}
      />
      <p role="status" className="muted num">
        {typed.trim() !== "" && (matched === 0 ? `None of ${count(of)}` : `${count(matched)} of ${count(of)} ${matched === 1 ? "matches" : "match"}`)}
      </p>
    </div>
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
