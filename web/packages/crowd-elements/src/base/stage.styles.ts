import { css } from "lit";

/** Styles of the stage and of what lies over and under it; shared by all image widgets. */
export const stageStyles = css`
  .stage-wrap {
    position: relative;
    flex: 1;
    min-height: 0;
    display: flex;
    flex-direction: column;
  }
  .stage {
    position: relative;
    flex: 1;
    min-height: 200px;
    overflow: hidden;
    background: var(--lw-stage);
    touch-action: none;
    user-select: none;
    outline: none;
  }
  .stage:focus-visible {
    outline: none;
  }
  .stage:focus-visible::after {
    content: "";
    position: absolute;
    inset: 0;
    border: 2px solid var(--lw-accent);
    pointer-events: none;
  }
  .stage > canvas,
  .stage-picture {
    position: absolute;
    left: 0;
    top: 0;
    pointer-events: none;
  }
  .stage > canvas {
    width: 100%;
    height: 100%;
    transform-origin: 0 0;
  }
  .stage-picture {
    transform-origin: 0 0;
    box-shadow: 0 0 0 1px #0003;
  }
  .stage-picture > * {
    position: absolute;
    inset: 0;
    max-width: none;
    image-orientation: none;
  }
  .stage-picture.pixelated > img {
    image-rendering: pixelated;
  }
  .stage-panel {
    position: absolute;
    inset: 0;
    display: grid;
    place-content: center;
    justify-items: center;
    gap: 10px;
    padding: 24px;
    color: var(--lw-text-soft);
    font: 400 14px/1.5 var(--lw-font);
    text-align: center;
  }
  .stage-panel strong {
    color: var(--lw-text);
    font: 650 16px/1.3 var(--lw-font);
  }
  .stage-panel > svg.icon {
    width: 32px;
    height: 32px;
  }
  .stage-panel .spinner {
    width: 28px;
    height: 28px;
    border: 3px solid var(--lw-line);
    border-top-color: var(--lw-accent);
    border-radius: 50%;
    animation: turn 0.9s linear infinite;
  }
  @keyframes turn {
    to {
      rotate: 1turn;
    }
  }
  .stage-warning {
    position: absolute;
    inset-block-start: 8px;
    inset-inline: 8px;
    padding: 6px 12px;
    border-radius: var(--lw-radius-small);
    background: var(--lw-warning-soft);
    color: var(--lw-warning);
    font: 400 13px/1.4 var(--lw-font);
    pointer-events: none;
  }
  .toolbar {
    position: relative;
    flex: none;
    display: flex;
    align-items: center;
    gap: 2px;
    min-height: 44px;
    padding: 5px 10px;
    border-top: 1px solid var(--lw-line);
    background: var(--lw-bg);
    font: 400 13px/1.3 var(--lw-font);
  }
  .toolbar .gap {
    flex: none;
    width: 1px;
    height: 22px;
    margin: 0 6px;
    background: var(--lw-line);
  }
  .toolbar .hint {
    flex: 1;
    min-width: 0;
    padding: 0 8px;
    overflow: hidden;
    color: var(--lw-text-soft);
    text-overflow: ellipsis;
    white-space: nowrap;
    text-align: end;
  }
  .toolbar .percent {
    min-width: 52px;
    font-variant-numeric: tabular-nums;
  }
  .pop-anchor {
    position: relative;
    display: inline-flex;
  }
  .popover {
    position: absolute;
    inset-block-end: calc(100% + 12px);
    inset-inline-start: -90px;
    z-index: 6;
    display: grid;
    grid-template-columns: auto 150px 42px;
    gap: 10px;
    align-items: center;
    padding: 14px 16px;
    border: 1px solid var(--lw-line);
    border-radius: var(--lw-radius);
    background: var(--lw-bg-raised);
    box-shadow: var(--lw-shadow);
    color: var(--lw-text);
    font: 400 13px/1.3 var(--lw-font);
  }
  .popover input[type="range"] {
    accent-color: var(--lw-accent);
  }
  .popover output {
    color: var(--lw-text-soft);
    text-align: end;
    font-variant-numeric: tabular-nums;
  }
  .popover .btn {
    grid-column: 1 / -1;
    justify-self: start;
  }
`;
