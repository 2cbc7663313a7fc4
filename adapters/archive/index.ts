export {
  inspectArchive,
  MANIFEST_NAME,
  unpackArchive,
  type ArchiveEntry,
  type ArchiveReport,
  type UnpackReport,
} from './archive';
export { ArchiveRefused, archiveLimitsFromEnv, type ArchiveLimits, type ArchiveRefusal } from './limits';
export { isJunk } from './names';
export { readTar, type TarEntry, type TarVisitor } from './tar-reader';
