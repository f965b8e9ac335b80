import { css } from "lit";

/** The frame of a widget: header bar, panes, notes, and how all of it looks on narrow and on very large screens. */
export const widgetStyles = css`
  :host {
    display: block;
    height: max(480px, calc(100vh - 110px));
    background: var(--lw-bg);
    color: var(--lw-text);
    font: 400 14px/1.45 var(--lw-font);
    text-align: start;
  }
  .shell {
    display: flex;
    flex-direction: column;
    height: 100%;
    min-height: inherit;
  }
  .shell.boxed {
    border: 1px solid var(--lw-line);
    border-radius: var(--lw-radius);
    overflow: clip;
  }
  .frame {
    flex: 1;
    display: flex;
    flex-direction: column;
    min-height: 0;
  }
  .bar {
    flex: none;
    display: flex;
    align-items: center;
    gap: 12px;
    min-height: 44px;
    padding: 5px 10px;
    border-bottom: 1px solid var(--lw-line);
  }
  .headerButtonsContainer {
    flex: none;
    display: flex;
    gap: 2px;
  }
  .question {
    flex: 1;
    min-width: 0;
    max-height: 4.2em;
    margin: 0;
    overflow: auto;
    font: 650 16px/1.35 var(--lw-font);
    text-wrap: pretty;
  }
  .columns {
    flex: 1;
    display: flex;
    min-height: 0;
  }
  .awsui-app-layout__navigation {
    flex: none;
    width: 260px;
    overflow: auto;
    border-inline-end: 1px solid var(--lw-line);
    background: var(--lw-bg-soft);
    overflow-wrap: anywhere;
  }
  .awsui-app-layout__navigation[hidden] {
    display: none;
  }
  .pane-head {
    position: sticky;
    top: 0;
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
    padding: 8px 8px 4px 16px;
    background: var(--lw-bg-soft);
  }
  .pane-head h2,
  .side h2 {
    margin: 0;
    color: var(--lw-text-soft);
    font: 650 12px/1.4 var(--lw-font);
    letter-spacing: 0.03em;
  }
  .pane-body {
    padding: 2px 16px 16px;
  }
  .pane-body .moreInstructionsLink {
    margin-bottom: 10px;
  }
  .pane-body ::slotted(*) {
    display: block;
  }
  .work {
    flex: 1;
    display: flex;
    flex-direction: column;
    min-width: 0;
    min-height: 0;
  }
  .side {
    flex: none;
    display: flex;
    flex-direction: column;
    width: 264px;
    min-height: 0;
    border-inline-start: 1px solid var(--lw-line);
    background: var(--lw-bg);
  }
  .side-head {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
    padding: 12px 14px 6px;
  }
  .problem {
    margin: 2px 12px 8px;
    padding: 8px 12px;
    border-radius: var(--lw-radius-small);
    background: var(--lw-danger-soft);
    color: var(--lw-danger);
    font: 500 13px/1.4 var(--lw-font);
  }
  .note {
    margin: 8px 12px;
    padding: 8px 12px;
    border-radius: var(--lw-radius-small);
    background: var(--lw-info-soft);
    font: 400 13px/1.4 var(--lw-font);
  }
  .aside-note {
    flex: none;
    margin: 0;
    padding: 7px 16px;
    background: var(--lw-warning-soft);
    color: var(--lw-warning);
    font: 500 13px/1.4 var(--lw-font);
  }
  .broken {
    margin: 16px;
    padding: 14px 18px;
    border-radius: var(--lw-radius);
    background: var(--lw-danger-soft);
    color: var(--lw-danger);
  }
  .broken ul {
    margin: 6px 0 0;
    padding-inline-start: 18px;
  }
  .frame {
    position: relative;
  }
  .frame.focus > .bar > :not(.question),
  .frame.focus .awsui-app-layout__navigation {
    display: none;
  }
  /* The question stays for those who do not see the page. */
  .frame.focus > .bar {
    position: absolute;
    width: 1px;
    min-height: 0;
    height: 1px;
    padding: 0;
    border: 0;
    overflow: hidden;
    clip-path: inset(50%);
  }
  .frame.focus > .bar > .question {
    max-height: none;
    overflow: visible;
  }
  .leave-focus {
    position: absolute;
    inset-block-start: 6px;
    inset-inline-end: 6px;
    z-index: 7;
    background: var(--lw-bg-raised);
    box-shadow: var(--lw-shadow-small);
  }
  .frame.focus .side-head {
    padding-inline-end: 46px;
  }
  /* On a very large screen without scaling, everything around the work grows; the work itself is zoomed by hand. */
  @media (min-width: 2500px) {
    .bar,
    .side,
    .leave-focus,
    .awsui-app-layout__navigation,
    .toolbar,
    .options,
    .dialog-box {
      zoom: 1.4;
    }
  }
  @media (min-width: 3400px) {
    .bar,
    .side,
    .leave-focus,
    .awsui-app-layout__navigation,
    .toolbar,
    .options,
    .dialog-box {
      zoom: 1.7;
    }
  }
  @media (max-width: 860px) {
    .columns {
      flex-direction: column;
    }
    .awsui-app-layout__navigation,
    .side {
      width: auto;
      max-height: 34%;
      border-inline: 0;
    }
    .side {
      border-top: 1px solid var(--lw-line);
    }
  }
`;
