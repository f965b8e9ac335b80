import { css } from "lit";

/** The category pane of all classifiers. */
export const choiceStyles = css`
  .category-picker-wrapper {
    display: flex;
    flex-direction: column;
    min-height: 0;
  }
  .annotation-area {
    overflow: auto;
  }
  .filter {
    padding: 4px 12px 8px;
  }
  .choices {
    display: flex;
    flex-direction: column;
    gap: 6px;
    min-height: 0;
    padding: 4px 12px 14px;
    overflow: auto;
  }
  .choice {
    appearance: none;
    display: flex;
    flex: none;
    align-items: center;
    gap: 10px;
    width: 100%;
    min-height: 44px;
    padding: 8px 12px;
    border: 1px solid var(--lw-line);
    border-radius: var(--lw-radius);
    background: var(--lw-bg-raised);
    color: var(--lw-text);
    font: 500 14.5px/1.35 var(--lw-font);
    text-align: start;
    overflow-wrap: anywhere;
    cursor: pointer;
    transition:
      background-color 0.1s,
      border-color 0.1s;
  }
  .choice:hover {
    border-color: var(--lw-line-strong);
    background: var(--lw-bg-hover);
  }
  .choice:focus-visible {
    outline: 2px solid var(--lw-accent);
    outline-offset: 1px;
  }
  .choice[aria-checked="true"] {
    border-color: var(--lw-accent);
    background: var(--lw-accent-soft);
    box-shadow: inset 0 0 0 1px var(--lw-accent);
  }
  .choice:disabled {
    opacity: 0.5;
    cursor: default;
  }
  .choice .dot {
    flex: none;
    width: 18px;
    height: 18px;
    border: 2px solid var(--lw-line-strong);
    border-radius: 50%;
  }
  .choice[aria-checked="true"] .dot {
    border: 6px solid var(--lw-accent);
    background: var(--lw-on-accent);
  }
  .choice .text {
    flex: 1;
  }
  .none-found {
    padding: 8px 14px;
    color: var(--lw-text-soft);
  }
`;
