"""Finding precedents: embedder, lexical entry, versioned index, and the retriever that fuses them."""
