import { MantineProvider } from "@mantine/core";
import { act } from "react";
import { type Root, createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, test } from "vitest";

import { Table } from "./table";

interface Row {
  name: string;
  size: number;
}

const rows = (count: number): Row[] => Array.from({ length: count }, (_, index) => ({ name: `row-${String(index).padStart(4, "0")}`, size: index }));

let root: Root;
let place: HTMLElement;
beforeEach(() => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  place = document.body.appendChild(document.createElement("div"));
  root = createRoot(place);
});
afterEach(() => {
  act(() => root.unmount());
  place.remove();
});

function show(of: Row[]) {
  act(() =>
    root.render(
      <MantineProvider>
        <Table
          caption="Rows"
          rows={of}
          name={(row) => row.name}
          columns={[
            { head: "Name", cell: (row) => row.name, by: (row) => row.name },
            { head: "Size", cell: (row) => row.size, by: (row) => row.size, numeric: true },
          ]}
        />
      </MantineProvider>,
    ),
  );
}

const names = () => [...place.querySelectorAll("tbody th")].map((cell) => cell.textContent ?? "");
const field = () => place.querySelector<HTMLInputElement>("input[type=search]");
const status = () => place.querySelector("[role=status]")?.textContent;
const button = (text: RegExp) => [...place.querySelectorAll("button")].find((one) => text.test(one.textContent ?? ""));
const press = (text: RegExp) => act(() => button(text)!.click());

function type(text: string) {
  act(() => {
    // React hears of a value only where it was set past its own setter.
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")!.set!.call(field(), text);
    field()!.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

test("a hundred rows are shown as they are", () => {
  show(rows(100));
  expect([names().length, field(), button(/^Show/)]).toEqual([100, null, undefined]);
});

test("of more rows the first are shown, and the next on asking, where the focus goes", () => {
  show(rows(230));
  expect([names().length, place.querySelector(".table-more span")?.textContent]).toEqual([100, "100 of 230"]);
  press(/^Show 100 more$/);
  expect([names().length, document.activeElement?.textContent]).toEqual([200, "row-0100"]);
  press(/^Show 30 more$/);
  expect([names().length, document.activeElement?.textContent, button(/^Show/)]).toEqual([230, "row-0200", undefined]);
});

test("a row that is not shown is found by what is typed, and how many match is said", () => {
  show(rows(1230));
  expect(field()?.labels?.[0]?.textContent).toBe("Find in Rows");
  type("ROW-1207");
  expect([names(), status()]).toEqual([["row-1207"], "1 of 1,230 matches"]);
  type("nobody");
  expect([names(), status()]).toEqual([[], "None of 1,230"]);
  type("row-0");
  expect([names().length, status()]).toEqual([100, "1,000 of 1,230 match"]);
  type("");
  expect([names().length, status()]).toEqual([100, ""]);
});

test("all rows are sorted, and not only those that are shown; what is typed outlives a list that grows shorter", () => {
  show(rows(230));
  press(/^Size/);
  expect(names()[0]).toBe("row-0229");
  type("row-022");
  show(rows(223));
  expect(names()).toEqual(["row-0222", "row-0221", "row-0220"]);
  show(rows(90));
  expect([names(), field()?.value]).toEqual([[], "row-022"]);
  type("");
  expect([names().length, field()]).toEqual([90, null]);
});
