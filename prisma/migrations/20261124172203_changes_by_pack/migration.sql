-- CreateIndex
CREATE INDEX "changes_pack_revision_idx" ON "changes"("pack", "revision");
