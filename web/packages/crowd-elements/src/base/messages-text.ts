/** The part of the catalogue for lists of choices, texts and documents. */

export const textMessages = {
  // Several choices
  chooseCategoriesOr: (exclusion: string) => `Choose at least one category, or “${exclusion}”.`,
  chosenCount: (n: number) => `${n} chosen`,
  clearChoices: "Clear",
  keyCategories: "Choose or clear a category",
  keyExclusion: "None of the categories",
};
