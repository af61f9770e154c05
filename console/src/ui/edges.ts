// Whether what scrolls sideways goes on beyond its edges: style.css fades it there (`.edges`).

import { type RefObject, useEffect, useRef, useState } from "react";

/** Beyond which edges there is more. */
export type More = "before" | "after" | "both" | undefined;

export function moreOf({ scrollLeft, scrollWidth, clientWidth }: Pick<HTMLElement, "scrollLeft" | "scrollWidth" | "clientWidth">): More {
  // Widths are rounded, and positions are not.
  const [before, after] = [scrollLeft > 1, scrollLeft + clientWidth < scrollWidth - 1];
  return before && after ? "both" : before ? "before" : after ? "after" : undefined;
}

export function useEdges<Box extends HTMLElement>(): { box: RefObject<Box | null>; more: More } {
  const box = useRef<Box>(null);
  const [more, setMore] = useState<More>();
  useEffect(() => {
    const place = box.current;
    if (!place) return;
    const look = () => setMore(moreOf(place));
    const sizes = new ResizeObserver(look);
    sizes.observe(place);
    for (const child of place.children) sizes.observe(child);
    place.addEventListener("scroll", look, { passive: true });
    return () => (sizes.disconnect(), place.removeEventListener("scroll", look));
  }, []);
  return { box, more };
}
