"""Fine-tune the encoder in the package with plain `transformers`: tokens, loss, backward pass, optimizer step.

The encoder is a folder in Hugging Face form, so Penna only provides its path.

Run: python examples/finetune_with_transformers.py
"""

from importlib.resources import files

import pandas as pd
import torch
from transformers import AlbertForSequenceClassification, AutoTokenizer
from transformers.utils import logging

TOPICS = ["card_arrival", "pin_blocked", "exchange_rate", "lost_or_stolen_card", "cash_withdrawal_charge"]
EPOCHS, BATCH_SIZE = 2, 16


def rows(name: str) -> tuple[list[str], torch.Tensor]:
    """Return the questions of the demo about a few topics, and the number of each question's topic."""
    table = pd.read_csv(str(files("penna") / "assets" / "demo" / name))
    table = table[table["label"].isin(TOPICS)]
    return list(table["text"]), torch.tensor([TOPICS.index(label) for label in table["label"]])


def main() -> None:
    logging.set_verbosity_error()  # the folder has no classifier yet, which transformers would report
    logging.disable_progress_bar()
    torch.manual_seed(0)

    folder = str(files("penna") / "assets" / "encoders" / "penna-mini")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    # The block of three layers is applied once instead of twice: the encoder is trained for both depths.
    model = AlbertForSequenceClassification.from_pretrained(
        folder, num_labels=len(TOPICS), num_hidden_layers=1, dtype=torch.float32
    )

    texts, labels = rows("train.csv.gz")
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, weight_decay=0.01)

    model.train()
    for epoch in range(EPOCHS):
        for step, batch in enumerate(torch.randperm(len(labels)).split(BATCH_SIZE), start=1):
            inputs = tokenizer([texts[i] for i in batch], padding=True, truncation=True, return_tensors="pt")
            output = model(**inputs, labels=labels[batch])
            output.loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if step % 10 == 0:
                accuracy = (output.logits.argmax(dim=1) == labels[batch]).float().mean().item()
                print(f"epoch {epoch + 1}  step {step:3}  loss {output.loss.item():.3f}  accuracy {accuracy:.2f}")

    model.eval()
    texts, labels = rows("test.csv.gz")
    inputs = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        logits = model(**inputs).logits
    print(f"accuracy {(logits.argmax(dim=1) == labels).float().mean().item():.3f} on {len(texts)} test questions")


if __name__ == "__main__":
    main()
