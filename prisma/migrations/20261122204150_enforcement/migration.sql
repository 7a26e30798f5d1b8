-- CreateTable
CREATE TABLE "audit_events" (
    "id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "operation" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "code" TEXT,
    "actor_id" TEXT,
    "actor_name" TEXT,
    "actor_client_type" TEXT,
    "remote_address" TEXT,
    "detail" JSON,

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "maintenance_state" (
    "id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "reason" TEXT,
    "expires_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "maintenance_state_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "maintenance_windows" (
    "id" TEXT NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "mode" TEXT NOT NULL,
    "description" TEXT,
    "is_active" BOOLEAN NOT NULL,
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "maintenance_windows_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rate_limit_rules" (
    "id" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "window_seconds" INTEGER NOT NULL,
    "max_requests" INTEGER NOT NULL,
    "is_enabled" BOOLEAN NOT NULL,
    "is_shadow" BOOLEAN NOT NULL,
    "description" TEXT,
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "rate_limit_rules_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rate_limit_snapshots" (
    "rule_id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "window_seconds" INTEGER NOT NULL,
    "max_requests" INTEGER NOT NULL,
    "current_count" INTEGER NOT NULL,
    "denied_count" INTEGER NOT NULL,
    "window_started_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "rate_limit_snapshots_pkey" PRIMARY KEY ("rule_id","key")
);

-- CreateIndex
CREATE INDEX "audit_events_at_id_idx" ON "audit_events"("at", "id");

-- CreateIndex
CREATE INDEX "audit_events_operation_at_idx" ON "audit_events"("operation", "at");

-- CreateIndex
CREATE INDEX "audit_events_actor_id_at_idx" ON "audit_events"("actor_id", "at");

-- CreateIndex
CREATE INDEX "maintenance_windows_starts_at_idx" ON "maintenance_windows"("starts_at");

-- CreateIndex
CREATE INDEX "rate_limit_rules_scope_key_idx" ON "rate_limit_rules"("scope", "key");

-- CreateIndex
CREATE INDEX "rate_limit_snapshots_scope_key_idx" ON "rate_limit_snapshots"("scope", "key");

-- CreateIndex
CREATE INDEX "rate_limit_snapshots_updated_at_idx" ON "rate_limit_snapshots"("updated_at");
