"""The demo company, shipped as data: FACTS.md what is true in it, `transcripts/` its past conversations, `faq/` its
help centre, `development.jsonl`
labelled questions that models are fitted on, `questions.jsonl` held-out ones that nothing is fitted on."""
