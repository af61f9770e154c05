import { expect, test } from "vitest";

import { moreOf } from "./edges";

test("an edge beyond which there is more is told", () => {
  const at = (scrollLeft: number, scrollWidth = 500) => moreOf({ scrollLeft, scrollWidth, clientWidth: 300 });
  expect(at(0)).toBe("after");
  expect(at(100)).toBe("both");
  expect(at(199.4)).toBe("before");
  expect(at(0, 300)).toBeUndefined();
});
