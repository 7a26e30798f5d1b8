-- AlterTable
ALTER TABLE "changes" ADD COLUMN     "revert_of" INTEGER;

-- AlterTable
ALTER TABLE "kept_changes" ADD COLUMN     "revert_of" INTEGER;

-- CreateIndex
CREATE INDEX "changes_correlation_id_idx" ON "changes"("correlation_id");

-- CreateIndex
CREATE INDEX "changes_revert_of_idx" ON "changes"("revert_of");
