"""Admin commands: a thin module for each, gathered into the command `chatbot`."""
