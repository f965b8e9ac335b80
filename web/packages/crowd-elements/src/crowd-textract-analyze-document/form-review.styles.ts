import { css } from "lit";

export const formReviewStyles = css`
  .document {
    flex: 1;
    display: flex;
    flex-direction: column;
    min-height: 0;
  }
  .pairs-panel {
    width: 380px;
    overflow: auto;
  }
  .pairs-panel > .side-head {
    position: sticky;
    top: 0;
    z-index: 1;
    background: var(--lw-bg);
  }
  .progress {
    color: var(--lw-text-soft);
    font-size: 12.5px;
    font-variant-numeric: tabular-nums;
  }
  .pairs {
    display: grid;
    gap: 6px;
    padding: 2px 12px 12px;
  }
  .pair {
    min-width: 0;
    border: 1px solid var(--lw-line);
    border-radius: var(--lw-radius);
    background: var(--lw-bg-raised);
  }
  .pair.current {
    border-color: var(--lw-accent);
    box-shadow: inset 0 0 0 1px var(--lw-accent);
  }
  .pair-top {
    appearance: none;
    display: grid;
    grid-template-columns: 1fr auto;
    gap: 2px 8px;
    align-items: center;
    width: 100%;
    padding: 8px 12px;
    border: 0;
    border-radius: inherit;
    background: none;
    color: var(--lw-text);
    font: 400 14px/1.35 var(--lw-font);
    text-align: start;
    cursor: pointer;
  }
  .pair-top:hover {
    background: var(--lw-bg-hover);
  }
  .pair-top:focus-visible {
    outline: 2px solid var(--lw-accent);
    outline-offset: -4px;
  }
  .pair-key,
  .pair-value {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .pair-key {
    color: var(--lw-text-soft);
    font-size: 12.5px;
  }
  .pair-value.struck {
    text-decoration: line-through;
  }
  .pair-note {
    color: var(--lw-text-soft);
    font-size: 12px;
    text-align: end;
  }
  .verdict {
    display: inline-flex;
    align-items: center;
    justify-content: flex-end;
    gap: 3px;
    font: 600 12.5px/1.3 var(--lw-font);
  }
  .verdict.valid {
    color: var(--lw-success);
  }
  .verdict.wrong {
    color: var(--lw-danger);
  }
  .verdict svg.icon {
    width: 15px;
    height: 15px;
  }
  .pair-body {
    display: grid;
    gap: 10px;
    padding: 6px 12px 12px;
  }
  .asking {
    display: flex;
    align-items: center;
    gap: 8px;
    font: 600 13.5px/1.4 var(--lw-font);
  }
  .asking span {
    flex: 1;
  }
  .asking .btn {
    min-width: 58px;
  }
  .pair-field {
    display: grid;
    gap: 4px;
    color: var(--lw-text-soft);
    font: 600 12.5px/1.4 var(--lw-font);
  }
  .pair-field .field {
    font-size: 14px;
  }
  textarea.field {
    resize: vertical;
    field-sizing: content;
    min-height: 34px;
  }
  .ticks {
    display: flex;
    flex-wrap: wrap;
    gap: 6px 18px;
  }
  .ticks label {
    display: inline-flex;
    align-items: center;
    gap: 7px;
    font-size: 13.5px;
    cursor: pointer;
  }
  .ticks input {
    width: 16px;
    height: 16px;
    margin: 0;
    accent-color: var(--lw-accent);
  }
  .pair-actions {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: center;
    padding: 0 12px 18px;
  }
  .pair-actions select {
    flex: 1;
    min-width: 140px;
  }
  .no-pairs {
    margin: 0;
    padding: 2px 16px 10px;
    color: var(--lw-text-soft);
  }
  @media (max-width: 860px) {
    .pairs-panel {
      width: auto;
      max-height: 60%;
    }
  }
`;
