-- CreateTable
CREATE TABLE "api_clients" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "client_type" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "key_id" TEXT NOT NULL,
    "key_digest" TEXT NOT NULL,
    "key_preview" TEXT NOT NULL,
    "previous_key_id" TEXT,
    "previous_key_digest" TEXT,
    "previous_key_expires_at" TIMESTAMPTZ(3),
    "is_active" BOOLEAN NOT NULL,
    "description" TEXT,
    "expires_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "api_clients_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "system_config" (
    "key" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "value" JSON NOT NULL,
    "description" TEXT,
    "is_mutable" BOOLEAN NOT NULL,
    "value_schema" JSON,
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "system_config_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "feature_flags" (
    "key" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "group" TEXT NOT NULL,
    "description" TEXT,
    "is_enabled" BOOLEAN NOT NULL,
    "strategies" JSON NOT NULL,
    "variants" JSON NOT NULL,
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "feature_flags_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "ledger_head" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "revision" INTEGER NOT NULL,
    "digest" TEXT NOT NULL,

    CONSTRAINT "ledger_head_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "changes" (
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
    "digest" TEXT NOT NULL,

    CONSTRAINT "changes_pkey" PRIMARY KEY ("revision","ordinal")
);

-- CreateTable
CREATE TABLE "idempotency_records" (
    "client_id" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "input_hash" TEXT NOT NULL,
    "answer" JSON NOT NULL,
    "revision" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotency_records_pkey" PRIMARY KEY ("client_id","operation","key")
);

-- CreateTable
CREATE TABLE "usage_marks" (
    "kind" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "last_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "usage_marks_pkey" PRIMARY KEY ("kind","key")
);

-- CreateTable
CREATE TABLE "system_metadata" (
    "id" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "backend_complete" BOOLEAN NOT NULL,
    "completed_at" TIMESTAMPTZ(3),
    "notes" TEXT,
    "row_version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "system_metadata_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "api_clients_key_id_key" ON "api_clients"("key_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_clients_previous_key_id_key" ON "api_clients"("previous_key_id");

-- CreateIndex
CREATE INDEX "api_clients_is_active_idx" ON "api_clients"("is_active");

-- CreateIndex
CREATE UNIQUE INDEX "system_config_id_key" ON "system_config"("id");

-- CreateIndex
CREATE UNIQUE INDEX "feature_flags_id_key" ON "feature_flags"("id");

-- CreateIndex
CREATE INDEX "feature_flags_group_idx" ON "feature_flags"("group");

-- CreateIndex
CREATE INDEX "changes_target_type_target_key_revision_idx" ON "changes"("target_type", "target_key", "revision");

-- CreateIndex
CREATE INDEX "changes_target_id_revision_idx" ON "changes"("target_id", "revision");

-- CreateIndex
CREATE INDEX "changes_actor_id_revision_idx" ON "changes"("actor_id", "revision");

-- CreateIndex
CREATE INDEX "changes_operation_revision_idx" ON "changes"("operation", "revision");

-- CreateIndex
CREATE INDEX "changes_at_idx" ON "changes"("at");

-- CreateIndex
CREATE INDEX "idempotency_records_expires_at_idx" ON "idempotency_records"("expires_at");

-- The ledger starts at revision 0, with a chain of digests that has no link yet.
INSERT INTO "ledger_head" ("id", "revision", "digest") VALUES (1, 0, repeat('0', 64));
