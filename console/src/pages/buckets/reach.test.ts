import { expect, test } from "vitest";

import { isLoopback } from "./reach";

test.each<[string, boolean]>([
  ["http://127.0.0.1:9000", true],
  ["https://127.8.9.10", true],
  ["http://127.1:9000", true],
  ["http://[::1]:9000", true],
  ["https://localhost:9000/", true],
  ["http://s3.localhost:9000", true],
  ["https://s3.example.org", false],
  ["https://127.0.0.1.example.org", false],
  ["https://localhost.example.org", false],
  ["http://10.127.0.1:9000", false],
  ["http://[2001:db8::1]:9000", false],
])("%s is loopback: %s", (address, is) => expect(isLoopback(address)).toBe(is));
