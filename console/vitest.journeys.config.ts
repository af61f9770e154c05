import { defineConfig } from "vitest/config";

// What a person does, played in a real browser against the real binary: one after the other, as each has a
// machine's worth of processes of its own.
export default defineConfig({
  define: { __DEV_API_HOST__: '""', __DEV_S3__: '""' },
  test: {
    include: ["journeys/**/*.journey.ts"],
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 90_000,
  },
});
