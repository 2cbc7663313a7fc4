export { pagesOfDataset, type StandinPage } from './pages';
export {
  startSearchStandin,
  type ScriptedSearch,
  type SearchCall,
  type SearchStandin,
  type SearchStandinOptions,
  type SearchVendor,
} from './server';
