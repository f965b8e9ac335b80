import { css } from "lit";

export const formStyles = css`
  :host {
    display: block;
    background: var(--lw-bg);
    color: var(--lw-text);
  }
  /* Inside, so that a template that sets the form's own display does not break the layout. */
  .shell {
    display: flex;
    flex-direction: column;
    min-height: 100vh;
  }
  :host([data-fill]) .shell {
    height: 100vh;
    overflow: clip;
  }
  .page {
    flex: 1;
    display: flex;
    min-height: 0;
  }
  .awsui-app-layout__navigation {
    flex: none;
    width: 280px;
    padding: 16px 18px;
    overflow: auto;
    border-inline-end: 1px solid var(--lw-line);
    background: var(--lw-bg-soft);
    font: 400 14px/1.5 var(--lw-font);
    overflow-wrap: anywhere;
  }
  .awsui-app-layout__navigation h2 {
    margin: 0 0 8px;
    font: 650 15px/1.3 var(--lw-font);
  }
  .main {
    display: contents;
  }
  .form {
    flex: 1;
    display: block;
    min-width: 0;
    margin: 0;
    padding: 20px 24px;
  }
  :host([data-fill]) .form {
    display: flex;
    flex-direction: column;
    min-height: 0;
    padding: 0;
  }
  :host([data-fill]) ::slotted(*) {
    flex: none;
  }
  :host([data-fill]) ::slotted([data-widget]) {
    flex: 1 1 0;
    min-height: 0;
  }
  /* What scripts have put into the form itself. */
  :host([data-fill]) .form > :not(slot) {
    flex: none;
    padding: 4px 24px;
    border-top: 1px solid var(--lw-line);
  }
  .only-link {
    margin-bottom: 12px;
    font: 400 14px/1.5 var(--lw-font);
  }
  .foot {
    position: sticky;
    bottom: 0;
    z-index: 5;
    display: flex;
    align-items: center;
    justify-content: flex-end;
    gap: 16px;
    min-height: 52px;
    padding: 7px 16px;
    border-top: 1px solid var(--lw-line);
    background: var(--lw-bg);
    font: 400 14px/1.4 var(--lw-font);
  }
  .foot .status {
    flex: 1;
    display: flex;
    align-items: center;
    gap: 8px;
    min-width: 0;
    padding-block: 4px;
  }
  .foot .status.error {
    color: var(--lw-danger);
  }
  .foot .status.done {
    color: var(--lw-success);
  }
  .nothing {
    display: inline-flex;
    align-items: center;
    gap: 8px;
    padding: 6px 10px;
    border-radius: var(--lw-radius-small);
    cursor: pointer;
  }
  .nothing:hover {
    background: var(--lw-bg-hover);
  }
  .nothing input {
    width: 17px;
    height: 17px;
    margin: 0;
    accent-color: var(--lw-accent);
  }
  #answers-box {
    margin: 0;
    padding: 12px 20px;
    max-height: 40vh;
    overflow: auto;
    border-top: 1px solid var(--lw-line);
    background: var(--lw-bg-soft);
    font: 400 13px/1.5 var(--lw-mono);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  #answers-box:empty {
    display: none;
  }
  .veil {
    position: fixed;
    inset: 0;
    z-index: 50;
    display: grid;
    place-items: center;
    background: light-dark(#ffffffb3, #101216b3);
    font: 600 16px/1.4 var(--lw-font);
  }
  .veil span {
    padding: 14px 22px;
    border-radius: var(--lw-radius);
    background: var(--lw-bg-raised);
    box-shadow: var(--lw-shadow);
  }
  @media (min-width: 2500px) {
    .foot {
      zoom: 1.4;
    }
  }
  @media (min-width: 3400px) {
    .foot {
      zoom: 1.7;
    }
  }
  @media (max-width: 760px) {
    .page:has(.awsui-app-layout__navigation) {
      flex-direction: column;
    }
    .awsui-app-layout__navigation {
      width: auto;
      max-height: 40vh;
      border-inline-end: 0;
      border-block-end: 1px solid var(--lw-line);
    }
  }
`;

export const modalStyles = css`
  .dialog-box.wide {
    max-width: 1080px;
  }
  .key-groups {
    columns: 320px 3;
    column-gap: 36px;
  }
  table.keys {
    width: 100%;
    margin-bottom: 16px;
    border-collapse: collapse;
    font-size: 13.5px;
    line-height: 1.4;
  }
  table.keys caption {
    padding-bottom: 4px;
    color: var(--lw-text-soft);
    font: 650 12px/1.4 var(--lw-font);
    letter-spacing: 0.03em;
    text-align: start;
    break-after: avoid;
  }
  table.keys tr {
    break-inside: avoid;
  }
  table.keys td {
    padding: 4px 0;
    border-bottom: 1px solid var(--lw-line);
    vertical-align: top;
  }
  table.keys td:first-child {
    width: 42%;
    padding-inline-end: 14px;
  }
  table.keys kbd {
    margin-inline-end: 4px;
  }
  dialog.modal {
    width: 100%;
    height: 100%;
    max-width: none;
    max-height: none;
    padding: 0;
    border: 0;
    background: none;
    color: var(--lw-text);
    overflow: hidden;
  }
  dialog.modal[open] {
    display: grid;
    place-items: center;
  }
  dialog.modal::backdrop {
    background: #10141c8c;
  }
  .awsui-modal-dialog,
  .dialog-box {
    display: flex;
    flex-direction: column;
    width: calc(100vw - 48px);
    max-width: 760px;
    max-height: calc(100vh - 48px);
    border-radius: 12px;
    background: var(--lw-bg-raised);
    box-shadow: var(--lw-shadow);
    font: 400 15px/1.55 var(--lw-font);
    overflow: hidden;
  }
  .modal-head {
    display: flex;
    align-items: center;
    gap: 12px;
    padding: 12px 12px 12px 22px;
    border-bottom: 1px solid var(--lw-line);
  }
  .modal-head h2 {
    flex: 1;
    margin: 0;
    font: 650 17px/1.3 var(--lw-font);
  }
  .modal-body {
    outline: none;
    padding: 18px 22px 22px;
    overflow: auto;
    overflow-wrap: anywhere;
  }
`;
