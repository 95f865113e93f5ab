// The validators are made by the build; schemas/validate.ts is their only reader and gives them types.
export {};
