/** The part of the catalogue for lists of choices, texts and documents. */

export const textMessages = {
  // Several choices
  chooseCategoriesOr: (exclusion: string) => `Choose at least one category, or “${exclusion}”.`,
  chosenCount: (n: number) => `${n} chosen`,
  clearChoices: "Clear",
  keyCategories: "Choose or clear a category",
  keyExclusion: "None of the categories",

  // Passages of a text
  entities: "Entities",
  text: "Text",
  textHelp:
    "Text. Arrow keys move, Shift and arrow keys select, Space selects the word, Enter or the key of a label labels " +
    "what is selected, Tab goes through the entities.",
  noEntities: "No entities yet. Choose a label and mark a passage, or mark first and choose then.",
  entityCount: (n: number) => (n === 1 ? "1 entity" : `${n} entities`),
  entityName: (label: string, text: string) => `${label}: ${text}`,
  entityLabeled: (label: string, text: string) => `${text}: ${label}`,
  entityDeleted: "Entity deleted",
  deleteEntity: "Delete entity",
  markOrTick: "Mark at least one passage, or tick “Nothing to label”.",
  nothingDeletesEntities: (n: number) =>
    `“Nothing to label” is for a text without entities. ${n === 1 ? "One is" : `${n} are`} marked here.`,
  deleteEntitiesTitle: (n: number) => (n === 1 ? "Delete the entity?" : "Delete the entities?"),
  hintMark: "Drag over the text or double-click a word · click a passage to select it",
  hintMarkFirst: "Mark a passage, then choose its label",
  hintEntity: "Choose a label to change it · Delete removes it",
  hideEntities: "Hide entities",
  showEntities: "Show entities",
  keyEntityLabel: "Choose a label; label what is selected; relabel the selected entity",
  keyMouseDrag: "Drag",
  keyDoubleClick: "Double click",
  keyMark: "Mark a passage",
  keyMarkWord: "Mark a word",
  keyCaret: "Move in the text (with Ctrl: by words)",
  keySelect: "Select text (with Ctrl: by words)",
  keyWord: "Select the word at the caret; once more: the next one too",
  keyEnterEntity: "Label what is selected",
  keyNextEntity: "Next entity, previous entity",
  keyDeleteEntity: "Delete the selected entity",
  keyEscapeEntity: "Drop the selection; choose no label",
  keyHideEntities: "Hide or show the entities",
};
