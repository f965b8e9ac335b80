/** Every colour, radius and font of the worker's page, in one place. `color-scheme` on the page picks light or dark. */

import { css } from "lit";

export const tokens = css`
  :host {
    --lw-font: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
    --lw-mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace;

    --lw-bg: light-dark(#ffffff, #191b20);
    --lw-bg-soft: light-dark(#f6f7f9, #1f2228);
    --lw-bg-raised: light-dark(#ffffff, #262a31);
    --lw-bg-hover: light-dark(#eef0f4, #2c3139);
    --lw-bg-pressed: light-dark(#e3e6ec, #353b45);
    --lw-stage: light-dark(#e4e7ec, #101216);
    --lw-line: light-dark(#e0e3e9, #33383f);
    --lw-line-strong: light-dark(#8b93a1, #707986);
    --lw-text: light-dark(#1c212b, #e8eaee);
    --lw-text-soft: light-dark(#596272, #a5adba);
    --lw-accent: light-dark(#3552d4, #93a7ff);
    --lw-accent-hover: light-dark(#2741b3, #aab9ff);
    --lw-on-accent: light-dark(#ffffff, #10162e);
    --lw-accent-soft: light-dark(#e9edfd, #272f4d);
    --lw-danger: light-dark(#b42318, #ff9a8f);
    --lw-danger-soft: light-dark(#fdecea, #43211f);
    --lw-warning: light-dark(#8a5a00, #f5c563);
    --lw-warning-soft: light-dark(#fdf3dc, #3d3117);
    --lw-success: light-dark(#17693a, #7fd6a0);
    --lw-success-soft: light-dark(#e4f5ea, #1c3a28);
    --lw-info-soft: light-dark(#e8effc, #222c42);
    --lw-shadow: 0 1px 2px light-dark(#1c212b14, #0006), 0 8px 28px light-dark(#1c212b24, #0009);
    --lw-shadow-small: 0 1px 2px light-dark(#1c212b1f, #0008);

    --lw-radius: 8px;
    --lw-radius-small: 6px;
    --lw-focus: 0 0 0 2px var(--lw-bg), 0 0 0 4px var(--lw-accent);
  }

  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }

  :host([hidden]) {
    display: none !important;
  }

  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      transition-duration: 0s !important;
      animation-duration: 0s !important;
    }
  }
`;

/** Buttons, inputs and small text of the widget frame itself (never of slotted content). */
export const controls = css`
  .btn {
    appearance: none;
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-height: 32px;
    padding: 0 10px;
    border: 1px solid transparent;
    border-radius: var(--lw-radius-small);
    background: transparent;
    color: var(--lw-text);
    font: 500 13px/1.2 var(--lw-font);
    cursor: pointer;
    white-space: nowrap;
    transition: background-color 0.12s;
  }
  .btn:hover:not(:disabled) {
    background: var(--lw-bg-hover);
  }
  .btn:active:not(:disabled) {
    background: var(--lw-bg-pressed);
  }
  [hidden] {
    display: none !important;
  }
  .btn:focus-visible,
  [tabindex]:not([tabindex="-1"]):focus-visible,
  input:focus-visible,
  textarea:focus-visible {
    outline: 2px solid var(--lw-accent);
    outline-offset: 1px;
  }
  .btn:disabled {
    opacity: 0.4;
    cursor: default;
  }
  .btn[aria-pressed="true"],
  .btn[aria-expanded="true"] {
    background: var(--lw-accent-soft);
    color: var(--lw-accent);
  }
  .btn.icon {
    width: 32px;
    padding: 0;
  }
  .btn.bordered {
    border-color: var(--lw-line);
    background: var(--lw-bg-raised);
  }
  .btn.primary {
    background: var(--lw-accent);
    color: var(--lw-on-accent);
  }
  .btn.primary:hover:not(:disabled) {
    background: var(--lw-accent-hover);
  }
  .linkish {
    appearance: none;
    border: 0;
    padding: 0;
    background: none;
    color: var(--lw-accent);
    font: inherit;
    cursor: pointer;
    text-align: start;
    text-decoration: underline;
    text-underline-offset: 2px;
    border-radius: 2px;
  }
  .linkish:focus-visible {
    outline: 2px solid var(--lw-accent);
    outline-offset: 2px;
  }
  .field {
    width: 100%;
    min-height: 32px;
    padding: 4px 10px;
    border: 1px solid var(--lw-line-strong);
    border-radius: var(--lw-radius-small);
    background: var(--lw-bg);
    color: var(--lw-text);
    font: 400 13px/1.3 var(--lw-font);
  }
  kbd {
    display: inline-block;
    min-width: 20px;
    padding: 1px 5px;
    border: 1px solid var(--lw-line);
    border-bottom-width: 2px;
    border-radius: 4px;
    background: var(--lw-bg-soft);
    color: var(--lw-text-soft);
    font: 500 11px/1.4 var(--lw-font);
    text-align: center;
  }
  svg.icon {
    width: 18px;
    height: 18px;
    flex: none;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.8;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;
