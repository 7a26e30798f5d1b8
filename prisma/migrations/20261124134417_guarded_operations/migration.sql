-- CreateTable
CREATE TABLE "guarded_operations" (
    "id" TEXT NOT NULL,
    "revision" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "instance_id" TEXT NOT NULL,
    "lease_until" TIMESTAMPTZ(3) NOT NULL,
    "smoke_test_run" JSON,
    "message" TEXT,
    "revert_revision" INTEGER,
    "actor" JSON NOT NULL,
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "guarded_operations_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "guarded_operations_revision_key" ON "guarded_operations"("revision");
