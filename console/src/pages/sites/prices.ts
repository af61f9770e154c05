// A site's list prices, in words.

import type { Prices } from "../../api/types";

export interface Price {
  what: string;
  per: string;
  text: string;
}

export function priceList(prices: Prices | null | undefined): Price[] {
  if (!prices) return [];
  return [
    { what: "Storage", per: "a GB and month", text: price(prices.storage_gb_month) },
    { what: "Writes", per: "1,000 requests", text: price(prices.writes_per_1000) },
    { what: "Reads", per: "1,000 requests", text: price(prices.reads_per_1000) },
    { what: "Reading out of the vendor", per: "a GB", text: price(prices.egress_gb) },
  ];
}

/** All the digits a list price has. */
export function price(value: number | null | undefined): string {
  return value == null ? "–" : `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 6 })}`;
}
