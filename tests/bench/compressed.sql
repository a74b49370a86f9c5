CREATE TABLE Log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp DATETIME NOT NULL,
    message TEXT NOT NULL,
    level INTEGER NOT NULL,
    service INTEGER NOT NULL,
    filename INTEGER,
    path INTEGER,
    line INTEGER,
    function INTEGER,
    pid INTEGER,
    process_name TEXT,
    extra JSON
);
CREATE INDEX IF NOT EXISTS idx_timestamp ON Log(timestamp);
CREATE INDEX IF NOT EXISTS idx_level ON Log(level);
CREATE INDEX IF NOT EXISTS idx_service ON Log(service);
