//! One file for each command, or for a few that are used together: what it replies and what it refuses.

mod alter; // SIM.ALTER
mod assign; // SIM.ASSIGN
mod explain; // SIM.EXPLAIN
mod export; // SIM.EXPORT and SIM.IMPORT, the PROFILE clause, and SIM.SWEEP
mod forget; // SIM.FORGET; COUNT, NX and REPLACE of SIM.RECORD
mod jaccard; // the score JACCARD, and the sketches that it compares, in every command
mod merge_delete; // SIM.MERGE and SIM.DELETE
mod query; // SIM.CLASSIFY and SIM.COMPARE
mod record; // SIM.RECORD, SIM.FREQUENCIES, SIM.COUNT and SIM.MEMBERS
mod scan; // SIM.SCAN
mod score; // the option SCORE of SIM.CLASSIFY and SIM.COMPARE
mod signature; // SIM.SIGNATURE
mod significant; // SIM.SIGNIFICANT
