-- AlterTable
ALTER TABLE "audit_events" ADD COLUMN     "digest" TEXT,
ADD COLUMN     "seq" INTEGER;

-- AlterTable
ALTER TABLE "changes" ADD COLUMN     "seal" TEXT;

-- AlterTable
ALTER TABLE "ledger_checkpoint" ADD COLUMN     "kept_count" INTEGER,
ADD COLUMN     "seal" TEXT,
ADD COLUMN     "unkept_revision" INTEGER;

-- CreateTable
CREATE TABLE "audit_head" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "seq" INTEGER NOT NULL,
    "digest" TEXT NOT NULL,
    "start_seq" INTEGER NOT NULL,
    "start_digest" TEXT NOT NULL,
    "chained_from" TIMESTAMPTZ(3) NOT NULL,
    "seal" TEXT,

    CONSTRAINT "audit_head_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "kept_changes" (
    "revision" INTEGER NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "pack" TEXT NOT NULL,
    "target_type" TEXT NOT NULL,
    "target_id" TEXT NOT NULL,
    "target_key" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "before" JSON,
    "after" JSON,
    "operation" TEXT NOT NULL,
    "reason" TEXT,
    "actor_id" TEXT NOT NULL,
    "actor_name" TEXT NOT NULL,
    "actor_client_type" TEXT,
    "correlation_id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "is_revertible" BOOLEAN NOT NULL,
    "seal" TEXT,
    "digest" TEXT NOT NULL,
    "previous_digest" TEXT NOT NULL,

    CONSTRAINT "kept_changes_pkey" PRIMARY KEY ("target_type","target_key")
);

-- CreateTable
CREATE TABLE "installation" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "salt" TEXT NOT NULL,
    "pepper" TEXT,
    "audit_key" TEXT,
    "environment" TEXT,

    CONSTRAINT "installation_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "audit_events_seq_idx" ON "audit_events"("seq");

-- The chain of audit events has no link yet. Where somebody has worked already, older builds may still be running beside this
-- one for a while, and know nothing of the chain.
INSERT INTO "audit_head" ("id", "seq", "digest", "start_seq", "start_digest", "chained_from")
SELECT 1, 0, repeat('0', 64), 0, repeat('0', 64), CASE WHEN "revision" = 0 THEN now() ELSE now() + interval '1 hour' END FROM "ledger_head";

-- Nothing was kept of what older builds have taken from the log.
UPDATE "ledger_checkpoint" SET "unkept_revision" = "revision";
