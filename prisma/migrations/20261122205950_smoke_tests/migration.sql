-- CreateTable
CREATE TABLE "smoke_checks" (
    "name" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "query" TEXT,
    "expect_status" INTEGER NOT NULL,
    "expect_body" JSON,
    "max_latency_ms" INTEGER,
    "is_blocking" BOOLEAN NOT NULL,
    "is_enabled" BOOLEAN NOT NULL,
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "smoke_checks_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "smoke_test_runs" (
    "id" TEXT NOT NULL,
    "base_url" TEXT NOT NULL,
    "is_ok" BOOLEAN NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3) NOT NULL,
    "duration_ms" DOUBLE PRECISION NOT NULL,
    "results" JSON NOT NULL,
    "actor_id" TEXT,
    "actor_name" TEXT,
    "actor_client_type" TEXT,

    CONSTRAINT "smoke_test_runs_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "smoke_checks_id_key" ON "smoke_checks"("id");
