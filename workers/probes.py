"""Pairs that a candidate runtime is measured and checked on. Rule: written for this, of mixed length and relevance, so
that a model's logits spread over its range.
"""

QUERIES = (
    "rain jacket for women",
    "usb c charger 65w",
    "causes of high blood pressure in young adults",
)

DOCUMENTS = (
    "Waterproof rain jacket for women, hooded, lightweight, packs into its own pocket",
    "Rain boots",
    "Men's leather belt, brown, 110 cm",
    "65 W USB-C wall charger with two ports and a folding plug; charges a laptop and a phone at the same time. "
    "Comes with a one metre cable, overheating protection and a two year warranty.",
    "Case for wireless earphones. Soft silicone, a loop to hang it on a bag, an opening for the charging cable.",
    "Renewing a passport takes between four and six weeks from the day the office receives the form, the fee, two "
    "photographs and the old passport. An express service is offered for travel within two weeks and costs extra. "
    "Applications by post take about a week longer. Children need the consent of both parents, and a renewal is not "
    "possible when the old passport has been expired for more than five years; then a new one must be asked for in "
    "person. The status of an application can be read online with the number printed on the receipt.",
    "High blood pressure in people under forty often comes with excess weight, little movement, much salt and alcohol, "
    "or a condition of the kidneys or the thyroid. Doctors measure on several days before they name it so, look for "
    "such a cause, and begin with food and exercise. Sleep that is often interrupted raises it as well, and so do some "
    "painkillers and contraceptives. Left alone for years it harms vessels, heart, eyes and kidneys without being "
    "felt, which is why measuring once a year is advised even for those who feel well.",
    "A recipe for lentil soup with carrots, cumin and lemon.",
)

PROBES = [(query, document) for query in QUERIES for document in DOCUMENTS]
