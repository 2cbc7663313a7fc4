-- How an attempt was made (set, timelocked, crv3, commit, reveal), and what a commit needs to be followed and revealed.
ALTER TABLE "weight_publications" ADD COLUMN "mode" VARCHAR(16) NOT NULL DEFAULT 'set';
ALTER TABLE "weight_publications" ADD COLUMN "details_json" JSONB NOT NULL DEFAULT '{}';

-- What the metagraph shows of a neuron besides its place.
ALTER TABLE "registered_neurons" ADD COLUMN "last_update" BIGINT NOT NULL DEFAULT 0;
ALTER TABLE "registered_neurons" ADD COLUMN "axon_ip" VARCHAR(64);
ALTER TABLE "registered_neurons" ADD COLUMN "axon_port" INTEGER;

-- Who put a validator on the list: the operator, or the automatic rule, which never touches the operator's rows.
ALTER TABLE "validators" ADD COLUMN "source" VARCHAR(16) NOT NULL DEFAULT 'manual';
