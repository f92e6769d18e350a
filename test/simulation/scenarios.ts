export type ScenarioName = 'none';
