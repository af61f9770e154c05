// What a month costs at each vendor: the sum of its sites.

import type { Overview, Site } from "../../api/types";
import { byVendor } from "../../ui/sites";

/** Dollars a month; `null` where nobody knows. */
export interface Cost {
  storage: number | null;
  requests: number | null;
  /** Of what is known of both. */
  together: number | null;
}

export interface SiteCost extends Cost {
  site: string;
}

export interface VendorCost extends Cost {
  /** Not told of a site that is not among those listed. */
  vendor?: string;
  sites: SiteCost[];
}

/** A sum of what nobody knows is not nothing. */
function sumOf(values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

export function summed(parts: Cost[]): Cost {
  const storage = sumOf(parts.map((part) => part.storage));
  const requests = sumOf(parts.map((part) => part.requests));
  return { storage, requests, together: sumOf([storage, requests]) };
}

export function costs(of: NonNullable<Overview["cost_month"]>, sites: Site[]): VendorCost[] {
  const rows = Object.entries(of.sites).map(([name, { storage_dollars: storage, request_dollars: requests }]) => ({
    name,
    vendor: sites.find((site) => site.name === name)?.vendor,
    cost: { site: name, storage, requests, together: sumOf([storage, requests]) },
  }));
  return byVendor(rows).map(([vendor, of]) => {
    const sites = of.map((row) => row.cost);
    return { vendor, sites, ...summed(sites) };
  });
}
