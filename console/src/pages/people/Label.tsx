import { inkOf } from "../../ui/levels";

/** A label, in its colour; the text says it all. */
export function Label({ of }: { of: string }) {
  const ink = inkOf(of);
  return (
    <span
      style={{
        background: ink.background,
        borderRadius: 3,
        color: ink.color,
        display: "inline-block",
        fontSize: "0.72rem",
        fontWeight: 700,
        letterSpacing: "0.02em",
        lineHeight: 1.5,
        padding: "0 0.5em",
        verticalAlign: "middle",
        overflowWrap: "break-word",
      }}
    >
      {of}
    </span>
  );
}
