import { defineConfig } from "vitest/config";

export default defineConfig({
  // Decorators as TypeScript (not the browser) understands them, the same as in the bundle.
  esbuild: { tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } } },
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    environment: "node",
    // Properties are tried on many examples, which takes its time on a busy machine.
    testTimeout: 30_000,
  },
});
