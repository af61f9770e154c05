import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { precompress } from "./build/precompress.ts";

// While developing, `ENTENTE_API` is the address of a running Entente's console or admin port, and `ENTENTE_S3` that of its S3 door.
// Requests are signed for those, and go through this server.
const api = process.env.ENTENTE_API ?? "http://127.0.0.1:9002";
const s3 = process.env.ENTENTE_S3 ?? "";

export default defineConfig(({ command, mode }) => {
  const dev = command === "serve" && mode !== "test";
  const proxy = (target: string) => ({ target, changeOrigin: true, xfwd: false });
  return {
    plugins: [react(), precompress()],
    define: {
      __DEV_API_HOST__: JSON.stringify(dev ? new URL(api).host : ""),
      __DEV_S3__: JSON.stringify(dev ? s3 : ""),
    },
    server: {
      host: "127.0.0.1",
      proxy: {
        "/api": proxy(api),
        ...(s3 ? { "/__s3": { ...proxy(s3), rewrite: (path: string) => path.slice("/__s3".length) } } : {}),
      },
    },
    build: {
      target: "es2022",
      manifest: true,
      // An image in a `data:` address would need a policy of its own.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
    test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"] },
  };
});
