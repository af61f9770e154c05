// The colour of a session's level. The text of the label always stands beside it: colour alone says nothing.

export interface Ink {
  background: string;
  color: string;
}

/** By how a label begins; what stands first is asked first. The United States' are those of the banners in use. */
const LEVELS: [RegExp, Ink][] = [
  [/^(COSMIC )?(TOP SECRET|TRÈS SECRET|TRES SECRET).*(SCI|\/\/(SI|TK|HCS))/, { background: "#fce83a", color: "#000000" }],
  [/^(COSMIC TOP SECRET|TOP SECRET|TRÈS SECRET|TRES SECRET)/, { background: "#ff8c00", color: "#000000" }],
  [/^(NATO SECRET|SECRET)/, { background: "#c8102e", color: "#ffffff" }],
  [/^(NATO CONFIDENTIAL|CONFIDENTIAL|CONFIDENTIEL)/, { background: "#0033a0", color: "#ffffff" }],
  [/^(CUI|LIMITE|NATO RESTRICTED|RESTREINT|DIFFUSION RESTREINTE)/, { background: "#502b85", color: "#ffffff" }],
  [/^(UNCLASSIFIED|NATO UNCLASSIFIED|PUBLIC|NON PROTÉGÉ)/, { background: "#00703c", color: "#ffffff" }],
];
const UNKNOWN: Ink = { background: "#3d4852", color: "#ffffff" };

export function inkOf(label: string): Ink {
  return LEVELS.find(([begins]) => begins.test(label.toUpperCase()))?.[1] ?? UNKNOWN;
}
