import { css } from "lit";

export const questionAnswerStyles = css`
  .pairs-panel {
    width: 420px;
    overflow: auto;
  }
  .pairs-panel > .side-head {
    position: sticky;
    top: 0;
    z-index: 1;
    background: var(--lw-bg);
  }
  .pairs {
    display: grid;
    gap: 12px;
    padding: 4px 12px 16px;
  }
  .pair {
    display: grid;
    gap: 10px;
    min-width: 0;
    padding: 10px 14px 14px;
    border: 1px solid var(--lw-line);
    border-inline-start: 4px solid var(--pair);
    border-radius: var(--lw-radius);
    background: var(--lw-bg-raised);
  }
  .pair.current {
    border-color: var(--lw-accent);
    border-inline-start-color: var(--pair);
    box-shadow: 0 0 0 1px var(--lw-accent);
  }
  .pair-head {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: 30px;
  }
  .pair-head h3 {
    flex: 1;
    margin: 0;
    font: 650 14px/1.3 var(--lw-font);
  }
  .pair-field {
    display: grid;
    gap: 4px;
  }
  .pair-field textarea {
    min-height: 62px;
    resize: vertical;
    font-size: 14px;
    line-height: 1.45;
    field-sizing: content;
    max-height: 260px;
  }
  .pair-field textarea.invalid {
    border-color: var(--lw-danger);
  }
  .pair-label {
    display: flex;
    justify-content: space-between;
    gap: 8px;
    color: var(--lw-text-soft);
    font: 600 12.5px/1.4 var(--lw-font);
  }
  .counter {
    font-weight: 400;
    font-variant-numeric: tabular-nums;
  }
  .counter.over {
    color: var(--lw-danger);
  }
  .tag-list {
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
  }
  .tag-toggle {
    appearance: none;
    min-height: 28px;
    padding: 2px 11px;
    border: 1px solid var(--lw-line-strong);
    border-radius: 14px;
    background: none;
    color: var(--lw-text);
    font: 500 13px/1.3 var(--lw-font);
    cursor: pointer;
    overflow-wrap: anywhere;
  }
  .tag-toggle:hover {
    background: var(--lw-bg-hover);
  }
  .tag-toggle[aria-checked="true"] {
    border-color: var(--lw-accent);
    background: var(--lw-accent-soft);
    color: var(--lw-accent);
  }
  .tag-toggle:focus-visible {
    outline: 2px solid var(--lw-accent);
    outline-offset: 1px;
  }
  .tag-list .field {
    width: 130px;
    min-height: 28px;
    border-radius: 14px;
  }
  .quotes {
    display: grid;
    gap: 4px;
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .quotes li {
    display: flex;
    align-items: center;
    gap: 6px;
    padding-inline-start: 8px;
    border-inline-start: 3px solid var(--pair);
    font-size: 13px;
  }
  .quotes button.quote {
    flex: 1;
    min-width: 0;
    overflow: hidden;
    color: var(--lw-text);
    text-decoration: none;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .quotes .btn {
    width: 26px;
    min-height: 26px;
  }
  .quotes svg.icon {
    width: 15px;
    height: 15px;
  }
  .pair .note {
    margin: 0;
    color: var(--lw-text-soft);
    font-size: 13px;
  }
  .whole {
    display: inline-flex;
    align-items: center;
    gap: 8px;
    font-size: 13.5px;
    cursor: pointer;
  }
  .whole input {
    width: 16px;
    height: 16px;
    margin: 0;
    accent-color: var(--lw-accent);
  }
  .add-row {
    padding: 0 12px 20px;
  }
  @media (max-width: 860px) {
    .pairs-panel {
      width: auto;
      max-height: 60%;
    }
  }
`;
