-- CreateTable
CREATE TABLE "rag_corpora" (
    "corpus_id" VARCHAR(128) NOT NULL,
    "content_sha256" VARCHAR(64) NOT NULL,
    "embedding" VARCHAR(128) NOT NULL,
    "dimensions" INTEGER NOT NULL,
    "document_count" INTEGER NOT NULL,
    "chunk_count" INTEGER NOT NULL,
    "chunk_chars" INTEGER NOT NULL,
    "overlap_chars" INTEGER NOT NULL,
    "indexed_at" TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "rag_corpora_pkey" PRIMARY KEY ("corpus_id")
);

-- CreateTable
CREATE TABLE "rag_chunks" (
    "corpus_id" VARCHAR(128) NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "doc_id" VARCHAR(128) NOT NULL,
    "chunk_id" VARCHAR(160) NOT NULL,
    "body" TEXT NOT NULL,
    "char_start" INTEGER NOT NULL,
    "char_end" INTEGER NOT NULL,
    "vector" BYTEA NOT NULL,

    CONSTRAINT "rag_chunks_pkey" PRIMARY KEY ("corpus_id","ordinal")
);

-- AddForeignKey
ALTER TABLE "rag_chunks" ADD CONSTRAINT "rag_chunks_corpus_id_fkey" FOREIGN KEY ("corpus_id") REFERENCES "rag_corpora"("corpus_id") ON DELETE CASCADE ON UPDATE CASCADE;
