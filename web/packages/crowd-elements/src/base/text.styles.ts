import { css } from "lit";

/** The text to mark, its marks, tags and caret. */
export const textStyles = css`
  .text-wrap {
    position: relative;
    flex: 1;
    display: flex;
    min-height: 160px;
  }
  .text {
    position: relative;
    flex: 1;
    min-width: 0;
    padding: 34px 32px 40px;
    overflow: auto;
    background: var(--lw-bg);
    color: var(--lw-text);
    font: 400 16px/2.4 var(--lw-font);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
    tab-size: 4;
    cursor: text;
    user-select: text;
    -webkit-user-select: text;
  }
  @media (min-width: 2500px) {
    .text {
      font-size: 21px;
    }
  }
  @media (min-width: 3400px) {
    .text {
      font-size: 26px;
    }
  }
  .text:focus-visible {
    outline: 2px solid var(--lw-accent);
    outline-offset: -2px;
  }
  .text::selection,
  .text *::selection {
    background: color-mix(in srgb, var(--lw-accent) 38%, transparent);
  }
  .line {
    max-width: 86ch;
    min-height: calc(2.4em + 20px);
    /* Lines out of view are skipped, and so clip what they hold: tags and bars get room by overlapping the next line. */
    margin-top: -20px;
    padding-block: 10px;
    content-visibility: auto;
    contain-intrinsic-size: auto 2.4em;
  }
  .mark {
    position: relative;
    border-radius: 3px;
    box-decoration-break: clone;
    -webkit-box-decoration-break: clone;
    cursor: pointer;
  }
  .tags {
    position: absolute;
    inset-inline-start: 0;
    bottom: calc(100% - 1px);
    display: flex;
    gap: 1px;
    user-select: none;
    -webkit-user-select: none;
    white-space: nowrap;
  }
  .tags:hover,
  .tags:has(.selected) {
    z-index: 2;
    max-width: none !important;
  }
  .tag {
    flex: 0 1 auto;
    display: inline-flex;
    align-items: center;
    min-width: 8px;
    height: 15px;
    padding: 0 4px;
    overflow: hidden;
    border-radius: 3px 3px 3px 0;
    font: 600 10.5px/1 var(--lw-font);
    cursor: pointer;
  }
  .tag-name {
    overflow: hidden;
    text-overflow: ellipsis;
    line-height: 15px;
  }
  .cross {
    display: none;
    flex: none;
    align-items: center;
    justify-content: center;
    align-self: stretch;
    width: 14px;
    margin-inline: 3px -3px;
    font: 600 14px/1 var(--lw-font);
  }
  .tags:hover .cross,
  .tag.selected .cross {
    display: inline-flex;
  }
  .cross:hover {
    background: #0003;
  }
  .caret {
    position: absolute;
    width: 2px;
    background: var(--lw-accent);
    pointer-events: none;
    animation: blink 1.1s steps(1) infinite;
  }
  @keyframes blink {
    55% {
      opacity: 0;
    }
  }
`;
