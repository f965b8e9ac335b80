import { css } from "lit";

export const rankingStyles = css`
  .work {
    overflow: auto;
  }
  .reading {
    padding: 20px 28px 32px;
  }
  .reading h2,
  .panel h2 {
    margin: 0 0 8px;
    color: var(--lw-text-soft);
    font: 650 12px/1.4 var(--lw-font);
    letter-spacing: 0.03em;
  }
  .prompt {
    margin: 0 0 22px;
    padding: 14px 18px;
    border-radius: var(--lw-radius);
    background: var(--lw-bg-soft);
  }
  .prompt,
  .response .body {
    font: 400 15.5px/1.6 var(--lw-font);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .response-list {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr));
    gap: 14px;
  }
  .response {
    padding: 12px 18px 16px;
    border: 1px solid var(--lw-line);
    border-radius: var(--lw-radius);
    background: var(--lw-bg-raised);
  }
  .response.lit {
    border-color: var(--lw-accent);
    box-shadow: inset 0 0 0 1px var(--lw-accent);
  }
  .response h3 {
    margin: 0 0 6px;
    color: var(--lw-text-soft);
    font: 650 13px/1.4 var(--lw-font);
  }
  .panel {
    width: 340px;
    overflow: auto;
  }
  .panel-hint {
    margin: 12px 16px 0;
    color: var(--lw-text-soft);
    font-size: 13px;
  }
  .dimension {
    padding: 14px 16px 16px;
    border-bottom: 1px solid var(--lw-line);
  }
  .dimension-head {
    display: flex;
    align-items: baseline;
    gap: 10px;
    margin-bottom: 8px;
  }
  .dimension-head h3 {
    flex: 1;
    min-width: 0;
    margin: 0;
    font: 650 14.5px/1.35 var(--lw-font);
    overflow-wrap: anywhere;
  }
  .dimension-head span {
    flex: none;
    color: var(--lw-text-soft);
    font-size: 12px;
  }
  .slots {
    display: grid;
    gap: 4px;
  }
  .slot {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: 44px;
    padding: 3px 8px;
    border: 1px solid var(--lw-line);
    border-radius: var(--lw-radius-small);
    background: var(--lw-bg);
  }
  .slot.pool {
    border-style: dashed;
    background: var(--lw-bg-soft);
  }
  .slot.target {
    border-color: var(--lw-accent);
    background: var(--lw-accent-soft);
  }
  .slot .place {
    flex: none;
    width: 66px;
    color: var(--lw-text-soft);
    font: 400 12.5px/1.3 var(--lw-font);
  }
  .slot.pool .place {
    width: auto;
    flex: 1;
  }
  .slot .place b {
    color: var(--lw-text);
    font-weight: 650;
  }
  .letters {
    flex: 1;
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
  }
  .letter {
    appearance: none;
    display: inline-grid;
    place-items: center;
    min-width: 40px;
    height: 36px;
    padding: 0 12px;
    border: 1px solid var(--lw-line-strong);
    border-radius: var(--lw-radius-small);
    background: var(--lw-bg-raised);
    color: var(--lw-text);
    font: 650 14.5px/1 var(--lw-font);
    cursor: grab;
    touch-action: none;
    user-select: none;
    -webkit-user-select: none;
  }
  .letter:hover {
    border-color: var(--lw-accent);
  }
  .letter:focus-visible,
  .letter.active {
    outline: 2px solid var(--lw-accent);
    outline-offset: 1px;
  }
  .letter:disabled {
    opacity: 0.5;
    cursor: default;
  }
  .letter.dragged {
    opacity: 0.35;
  }
  .ghost {
    position: fixed;
    z-index: 20;
    pointer-events: none;
    box-shadow: var(--lw-shadow);
    translate: -50% -50%;
  }
  .text-problem {
    color: var(--lw-danger);
  }
  @media (max-width: 860px) {
    .panel {
      width: auto;
      max-height: 60%;
    }
  }
`;
