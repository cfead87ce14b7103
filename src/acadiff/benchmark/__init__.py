"""Several stages one after another, and the tables that compare what came of them."""
