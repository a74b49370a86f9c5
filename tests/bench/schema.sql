CREATE TABLE Log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp DATETIME NOT NULL,
    message TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')),
    service TEXT NOT NULL,
    filename TEXT,
    path TEXT,
    line INTEGER,
    function TEXT,
    pid INTEGER,
    process_name TEXT,
    extra JSON
);
CREATE INDEX IF NOT EXISTS idx_timestamp ON Log(timestamp);
CREATE INDEX IF NOT EXISTS idx_level ON Log(level);
CREATE INDEX IF NOT EXISTS idx_service ON Log(service);
