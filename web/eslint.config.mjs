// What tsc does not see: mistakes and habits. Form is prettier's.
import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules", "**/dist"] },
  eslint.configs.recommended,
  ...tseslint.configs.recommended,
  {
    rules: {
      // `== null` means "null or undefined"; everything else is compared as it is.
      eqeqeq: ["error", "smart"],
      // An object with accessors that stands for an element calls it its owner; that an element is the one
      // shown now is kept in a variable of its module.
      "@typescript-eslint/no-this-alias": ["error", { allowedNames: ["owner", "current", "shown"] }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-restricted-syntax": [
        "error",
        { selector: "TSEnumDeclaration", message: "A union of literals says the same without code." },
        { selector: "TSModuleDeclaration[kind='namespace']", message: "A module is a file." },
      ],
    },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: { globals: { console: "readonly", process: "readonly", URL: "readonly" } },
  },
);
