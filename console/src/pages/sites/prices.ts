// A site's list prices, in words.

import type { Prices } from "../../api/types";

/** As they are called in the settings, and by the API. */
const NAMES: [string, string, string][] = [
  ["storage_per_gb_month", "Storage", "a GB and month"],
  ["put_per_1000", "Writes", "1,000 requests"],
  ["get_per_1000", "Reads", "1,000 requests"],
  ["list_per_1000", "Listings", "1,000 requests"],
  ["delete_per_1000", "Deletions", "1,000 requests"],
  ["egress_per_gb", "Reading out of the vendor", "a GB"],
  ["egress_free_gb", "Free of that", "GB a month"],
];

export interface Price {
  what: string;
  per: string;
  text: string;
}

export function priceList(prices: Prices | null | undefined): Price[] {
  if (!prices) return [];
  const known = NAMES.flatMap(([name, what, per]) => {
    const value = prices[name];
    return value == null ? [] : [{ what, per, text: name === "egress_free_gb" ? `${value} GB` : money(value) }];
  });
  const names = new Set(NAMES.map(([name]) => name));
  const others = Object.entries(prices).flatMap(([name, value]) => (value == null || names.has(name) ? [] : [{ what: name.replaceAll("_", " "), per: "", text: money(value) }]));
  return [...known, ...others];
}

export function price(prices: Prices | null | undefined, what: "storage"): string {
  const value = what === "storage" ? prices?.storage_per_gb_month : undefined;
  return value == null ? "–" : money(value);
}

function money(value: number): string {
  return `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 6 })}`;
}
